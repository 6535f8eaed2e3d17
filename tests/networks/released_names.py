"""Every key that torchvision, timm and facenet-pytorch publish, and its shape, written down from the libraries themselves.

torchvision 0.29.2 (its two networks with their auxiliary heads; the relatives from 0.29.1), timm 1.0.31 and facenet-pytorch 2.6.0. A line is a layer: its kind, its name and
its shape. `{4..11}` in a name stands for each of these numbers. `expand` makes the keys of it.
"""

import re

TORCHVISION_GOOGLENET = """
layer conv1 64 3 7 7
layer conv2 64 64 1 1
layer conv3 192 64 3 3
layer inception3a.branch1 64 192 1 1
layer inception3a.branch2.0 96 192 1 1
layer inception3a.branch2.1 128 96 3 3
layer inception3a.branch3.0 16 192 1 1
layer inception3a.branch3.1 32 16 3 3
layer inception3a.branch4.1 32 192 1 1
layer inception3b.branch1 128 256 1 1
layer inception3b.branch2.0 128 256 1 1
layer inception3b.branch2.1 192 128 3 3
layer inception3b.branch3.0 32 256 1 1
layer inception3b.branch3.1 96 32 3 3
layer inception3b.branch4.1 64 256 1 1
layer inception4a.branch1 192 480 1 1
layer inception4a.branch2.0 96 480 1 1
layer inception4a.branch2.1 208 96 3 3
layer inception4a.branch3.0 16 480 1 1
layer inception4a.branch3.1 48 16 3 3
layer inception4a.branch4.1 64 480 1 1
layer inception4b.branch1 160 512 1 1
layer inception4b.branch2.0 112 512 1 1
layer inception4b.branch2.1 224 112 3 3
layer inception4b.branch3.0 24 512 1 1
layer inception4b.branch3.1 64 24 3 3
layer inception4b.branch4.1 64 512 1 1
layer inception4c.branch1 128 512 1 1
layer inception4c.branch2.0 128 512 1 1
layer inception4c.branch2.1 256 128 3 3
layer inception4c.branch3.0 24 512 1 1
layer inception4c.branch3.1 64 24 3 3
layer inception4c.branch4.1 64 512 1 1
layer inception4d.branch1 112 512 1 1
layer inception4d.branch2.0 144 512 1 1
layer inception4d.branch2.1 288 144 3 3
layer inception4d.branch3.0 32 512 1 1
layer inception4d.branch3.1 64 32 3 3
layer inception4d.branch4.1 64 512 1 1
layer inception4e.branch1 256 528 1 1
layer inception4e.branch2.0 160 528 1 1
layer inception4e.branch2.1 320 160 3 3
layer inception4e.branch3.0 32 528 1 1
layer inception4e.branch3.1 128 32 3 3
layer inception4e.branch4.1 128 528 1 1
layer inception5a.branch1 256 832 1 1
layer inception5a.branch2.0 160 832 1 1
layer inception5a.branch2.1 320 160 3 3
layer inception5a.branch3.0 32 832 1 1
layer inception5a.branch3.1 128 32 3 3
layer inception5a.branch4.1 128 832 1 1
layer inception5b.branch1 384 832 1 1
layer inception5b.branch2.0 192 832 1 1
layer inception5b.branch2.1 384 192 3 3
layer inception5b.branch3.0 48 832 1 1
layer inception5b.branch3.1 128 48 3 3
layer inception5b.branch4.1 128 832 1 1
layer aux1.conv 128 512 1 1
dense aux1.fc1 1024 2048
dense aux1.fc2 1000 1024
layer aux2.conv 128 528 1 1
dense aux2.fc1 1024 2048
dense aux2.fc2 1000 1024
dense fc 1000 1024
"""

TORCHVISION_INCEPTION_V3 = """
layer Conv2d_1a_3x3 32 3 3 3
layer Conv2d_2a_3x3 32 32 3 3
layer Conv2d_2b_3x3 64 32 3 3
layer Conv2d_3b_1x1 80 64 1 1
layer Conv2d_4a_3x3 192 80 3 3
layer Mixed_5b.branch1x1 64 192 1 1
layer Mixed_5b.branch5x5_1 48 192 1 1
layer Mixed_5b.branch5x5_2 64 48 5 5
layer Mixed_5b.branch3x3dbl_1 64 192 1 1
layer Mixed_5b.branch3x3dbl_2 96 64 3 3
layer Mixed_5b.branch3x3dbl_3 96 96 3 3
layer Mixed_5b.branch_pool 32 192 1 1
layer Mixed_5c.branch1x1 64 256 1 1
layer Mixed_5c.branch5x5_1 48 256 1 1
layer Mixed_5c.branch5x5_2 64 48 5 5
layer Mixed_5c.branch3x3dbl_1 64 256 1 1
layer Mixed_5c.branch3x3dbl_2 96 64 3 3
layer Mixed_5c.branch3x3dbl_3 96 96 3 3
layer Mixed_5c.branch_pool 64 256 1 1
layer Mixed_5d.branch1x1 64 288 1 1
layer Mixed_5d.branch5x5_1 48 288 1 1
layer Mixed_5d.branch5x5_2 64 48 5 5
layer Mixed_5d.branch3x3dbl_1 64 288 1 1
layer Mixed_5d.branch3x3dbl_2 96 64 3 3
layer Mixed_5d.branch3x3dbl_3 96 96 3 3
layer Mixed_5d.branch_pool 64 288 1 1
layer Mixed_6a.branch3x3 384 288 3 3
layer Mixed_6a.branch3x3dbl_1 64 288 1 1
layer Mixed_6a.branch3x3dbl_2 96 64 3 3
layer Mixed_6a.branch3x3dbl_3 96 96 3 3
layer Mixed_6b.branch1x1 192 768 1 1
layer Mixed_6b.branch7x7_1 128 768 1 1
layer Mixed_6b.branch7x7_2 128 128 1 7
layer Mixed_6b.branch7x7_3 192 128 7 1
layer Mixed_6b.branch7x7dbl_1 128 768 1 1
layer Mixed_6b.branch7x7dbl_2 128 128 7 1
layer Mixed_6b.branch7x7dbl_3 128 128 1 7
layer Mixed_6b.branch7x7dbl_4 128 128 7 1
layer Mixed_6b.branch7x7dbl_5 192 128 1 7
layer Mixed_6b.branch_pool 192 768 1 1
layer Mixed_6c.branch1x1 192 768 1 1
layer Mixed_6c.branch7x7_1 160 768 1 1
layer Mixed_6c.branch7x7_2 160 160 1 7
layer Mixed_6c.branch7x7_3 192 160 7 1
layer Mixed_6c.branch7x7dbl_1 160 768 1 1
layer Mixed_6c.branch7x7dbl_2 160 160 7 1
layer Mixed_6c.branch7x7dbl_3 160 160 1 7
layer Mixed_6c.branch7x7dbl_4 160 160 7 1
layer Mixed_6c.branch7x7dbl_5 192 160 1 7
layer Mixed_6c.branch_pool 192 768 1 1
layer Mixed_6d.branch1x1 192 768 1 1
layer Mixed_6d.branch7x7_1 160 768 1 1
layer Mixed_6d.branch7x7_2 160 160 1 7
layer Mixed_6d.branch7x7_3 192 160 7 1
layer Mixed_6d.branch7x7dbl_1 160 768 1 1
layer Mixed_6d.branch7x7dbl_2 160 160 7 1
layer Mixed_6d.branch7x7dbl_3 160 160 1 7
layer Mixed_6d.branch7x7dbl_4 160 160 7 1
layer Mixed_6d.branch7x7dbl_5 192 160 1 7
layer Mixed_6d.branch_pool 192 768 1 1
layer Mixed_6e.branch1x1 192 768 1 1
layer Mixed_6e.branch7x7_1 192 768 1 1
layer Mixed_6e.branch7x7_2 192 192 1 7
layer Mixed_6e.branch7x7_3 192 192 7 1
layer Mixed_6e.branch7x7dbl_1 192 768 1 1
layer Mixed_6e.branch7x7dbl_2 192 192 7 1
layer Mixed_6e.branch7x7dbl_3 192 192 1 7
layer Mixed_6e.branch7x7dbl_4 192 192 7 1
layer Mixed_6e.branch7x7dbl_5 192 192 1 7
layer Mixed_6e.branch_pool 192 768 1 1
layer AuxLogits.conv0 128 768 1 1
layer AuxLogits.conv1 768 128 5 5
dense AuxLogits.fc 1000 768
layer Mixed_7a.branch3x3_1 192 768 1 1
layer Mixed_7a.branch3x3_2 320 192 3 3
layer Mixed_7a.branch7x7x3_1 192 768 1 1
layer Mixed_7a.branch7x7x3_2 192 192 1 7
layer Mixed_7a.branch7x7x3_3 192 192 7 1
layer Mixed_7a.branch7x7x3_4 192 192 3 3
layer Mixed_7b.branch1x1 320 1280 1 1
layer Mixed_7b.branch3x3_1 384 1280 1 1
layer Mixed_7b.branch3x3_2a 384 384 1 3
layer Mixed_7b.branch3x3_2b 384 384 3 1
layer Mixed_7b.branch3x3dbl_1 448 1280 1 1
layer Mixed_7b.branch3x3dbl_2 384 448 3 3
layer Mixed_7b.branch3x3dbl_3a 384 384 1 3
layer Mixed_7b.branch3x3dbl_3b 384 384 3 1
layer Mixed_7b.branch_pool 192 1280 1 1
layer Mixed_7c.branch1x1 320 2048 1 1
layer Mixed_7c.branch3x3_1 384 2048 1 1
layer Mixed_7c.branch3x3_2a 384 384 1 3
layer Mixed_7c.branch3x3_2b 384 384 3 1
layer Mixed_7c.branch3x3dbl_1 448 2048 1 1
layer Mixed_7c.branch3x3dbl_2 384 448 3 3
layer Mixed_7c.branch3x3dbl_3a 384 384 1 3
layer Mixed_7c.branch3x3dbl_3b 384 384 3 1
layer Mixed_7c.branch_pool 192 2048 1 1
dense fc 1000 2048
"""

TIMM_INCEPTION_V4 = """
layer features.0 32 3 3 3
layer features.1 32 32 3 3
layer features.2 64 32 3 3
layer features.3.conv 96 64 3 3
layer features.4.branch0.0 64 160 1 1
layer features.4.branch0.1 96 64 3 3
layer features.4.branch1.0 64 160 1 1
layer features.4.branch1.1 64 64 1 7
layer features.4.branch1.2 64 64 7 1
layer features.4.branch1.3 96 64 3 3
layer features.5.conv 192 192 3 3
layer features.{6..9}.branch0 96 384 1 1
layer features.{6..9}.branch1.0 64 384 1 1
layer features.{6..9}.branch1.1 96 64 3 3
layer features.{6..9}.branch2.0 64 384 1 1
layer features.{6..9}.branch2.1 96 64 3 3
layer features.{6..9}.branch2.2 96 96 3 3
layer features.{6..9}.branch3.1 96 384 1 1
layer features.10.branch0 384 384 3 3
layer features.10.branch1.0 192 384 1 1
layer features.10.branch1.1 224 192 3 3
layer features.10.branch1.2 256 224 3 3
layer features.{11..17}.branch0 384 1024 1 1
layer features.{11..17}.branch1.0 192 1024 1 1
layer features.{11..17}.branch1.1 224 192 1 7
layer features.{11..17}.branch1.2 256 224 7 1
layer features.{11..17}.branch2.0 192 1024 1 1
layer features.{11..17}.branch2.1 192 192 7 1
layer features.{11..17}.branch2.2 224 192 1 7
layer features.{11..17}.branch2.3 224 224 7 1
layer features.{11..17}.branch2.4 256 224 1 7
layer features.{11..17}.branch3.1 128 1024 1 1
layer features.18.branch0.0 192 1024 1 1
layer features.18.branch0.1 192 192 3 3
layer features.18.branch1.0 256 1024 1 1
layer features.18.branch1.1 256 256 1 7
layer features.18.branch1.2 320 256 7 1
layer features.18.branch1.3 320 320 3 3
layer features.{19..21}.branch0 256 1536 1 1
layer features.{19..21}.branch1_0 384 1536 1 1
layer features.{19..21}.branch1_1a 256 384 1 3
layer features.{19..21}.branch1_1b 256 384 3 1
layer features.{19..21}.branch2_0 384 1536 1 1
layer features.{19..21}.branch2_1 448 384 3 1
layer features.{19..21}.branch2_2 512 448 1 3
layer features.{19..21}.branch2_3a 256 512 1 3
layer features.{19..21}.branch2_3b 256 512 3 1
layer features.{19..21}.branch3.1 256 1536 1 1
dense last_linear 1000 1536
"""

TIMM_INCEPTION_RESNET_V2 = """
layer conv2d_1a 32 3 3 3
layer conv2d_2a 32 32 3 3
layer conv2d_2b 64 32 3 3
layer conv2d_3b 80 64 1 1
layer conv2d_4a 192 80 3 3
layer mixed_5b.branch0 96 192 1 1
layer mixed_5b.branch1.0 48 192 1 1
layer mixed_5b.branch1.1 64 48 5 5
layer mixed_5b.branch2.0 64 192 1 1
layer mixed_5b.branch2.1 96 64 3 3
layer mixed_5b.branch2.2 96 96 3 3
layer mixed_5b.branch3.1 64 192 1 1
layer repeat.{0..9}.branch0 32 320 1 1
layer repeat.{0..9}.branch1.0 32 320 1 1
layer repeat.{0..9}.branch1.1 32 32 3 3
layer repeat.{0..9}.branch2.0 32 320 1 1
layer repeat.{0..9}.branch2.1 48 32 3 3
layer repeat.{0..9}.branch2.2 64 48 3 3
conv+bias repeat.{0..9}.conv2d 320 128 1 1
layer mixed_6a.branch0 384 320 3 3
layer mixed_6a.branch1.0 256 320 1 1
layer mixed_6a.branch1.1 256 256 3 3
layer mixed_6a.branch1.2 384 256 3 3
layer repeat_1.{0..19}.branch0 192 1088 1 1
layer repeat_1.{0..19}.branch1.0 128 1088 1 1
layer repeat_1.{0..19}.branch1.1 160 128 1 7
layer repeat_1.{0..19}.branch1.2 192 160 7 1
conv+bias repeat_1.{0..19}.conv2d 1088 384 1 1
layer mixed_7a.branch0.0 256 1088 1 1
layer mixed_7a.branch0.1 384 256 3 3
layer mixed_7a.branch1.0 256 1088 1 1
layer mixed_7a.branch1.1 288 256 3 3
layer mixed_7a.branch2.0 256 1088 1 1
layer mixed_7a.branch2.1 288 256 3 3
layer mixed_7a.branch2.2 320 288 3 3
layer repeat_2.{0..8}.branch0 192 2080 1 1
layer repeat_2.{0..8}.branch1.0 192 2080 1 1
layer repeat_2.{0..8}.branch1.1 224 192 1 3
layer repeat_2.{0..8}.branch1.2 256 224 3 1
conv+bias repeat_2.{0..8}.conv2d 2080 448 1 1
layer block8.branch0 192 2080 1 1
layer block8.branch1.0 192 2080 1 1
layer block8.branch1.1 224 192 1 3
layer block8.branch1.2 256 224 3 1
conv+bias block8.conv2d 2080 448 1 1
layer conv2d_7b 1536 2080 1 1
dense classif 1000 1536
"""

TIMM_LEGACY_XCEPTION = """
conv conv1 32 3 3 3
norm bn1 32
conv conv2 64 32 3 3
norm bn2 64
conv block1.skip 128 64 1 1
norm block1.skipbn 128
conv block1.rep.0.conv1 64 1 3 3
conv block1.rep.0.pointwise 128 64 1 1
norm block1.rep.1 128
conv block1.rep.3.conv1 128 1 3 3
conv block1.rep.3.pointwise 128 128 1 1
norm block1.rep.4 128
conv block2.skip 256 128 1 1
norm block2.skipbn 256
conv block2.rep.1.conv1 128 1 3 3
conv block2.rep.1.pointwise 256 128 1 1
norm block2.rep.2 256
conv block2.rep.4.conv1 256 1 3 3
conv block2.rep.4.pointwise 256 256 1 1
norm block2.rep.5 256
conv block3.skip 728 256 1 1
norm block3.skipbn 728
conv block3.rep.1.conv1 256 1 3 3
conv block3.rep.1.pointwise 728 256 1 1
norm block{3..12}.rep.2 728
conv block{3..12}.rep.4.conv1 728 1 3 3
conv block{3..11}.rep.4.pointwise 728 728 1 1
norm block{3..11}.rep.5 728
conv block{4..12}.rep.1.conv1 728 1 3 3
conv block{4..12}.rep.1.pointwise 728 728 1 1
conv block{4..11}.rep.7.conv1 728 1 3 3
conv block{4..11}.rep.7.pointwise 728 728 1 1
norm block{4..11}.rep.8 728
conv block12.skip 1024 728 1 1
norm block12.skipbn 1024
conv block12.rep.4.pointwise 1024 728 1 1
norm block12.rep.5 1024
conv conv3.conv1 1024 1 3 3
conv conv3.pointwise 1536 1024 1 1
norm bn3 1536
conv conv4.conv1 1536 1 3 3
conv conv4.pointwise 2048 1536 1 1
norm bn4 2048
dense fc 1000 2048
"""

TIMM_XCEPTION65 = """
layer stem.0 32 3 3 3
layer stem.1 64 32 3 3
layer blocks.0.shortcut 128 64 1 1
conv blocks.0.stack.conv1.conv_dw 64 1 3 3
norm blocks.0.stack.conv1.bn_dw 64
conv blocks.0.stack.conv1.conv_pw 128 64 1 1
norm blocks.0.stack.conv1.bn_pw 128
conv blocks.0.stack.conv2.conv_dw 128 1 3 3
norm blocks.0.stack.conv2.bn_dw 128
conv blocks.0.stack.conv2.conv_pw 128 128 1 1
norm blocks.0.stack.conv2.bn_pw 128
conv blocks.0.stack.conv3.conv_dw 128 1 3 3
norm blocks.0.stack.conv3.bn_dw 128
conv blocks.0.stack.conv3.conv_pw 128 128 1 1
norm blocks.0.stack.conv3.bn_pw 128
layer blocks.1.shortcut 256 128 1 1
conv blocks.1.stack.conv1.conv_dw 128 1 3 3
norm blocks.1.stack.conv1.bn_dw 128
conv blocks.1.stack.conv1.conv_pw 256 128 1 1
norm blocks.1.stack.conv1.bn_pw 256
conv blocks.1.stack.conv2.conv_dw 256 1 3 3
norm blocks.1.stack.conv2.bn_dw 256
conv blocks.1.stack.conv2.conv_pw 256 256 1 1
norm blocks.1.stack.conv2.bn_pw 256
conv blocks.1.stack.conv3.conv_dw 256 1 3 3
norm blocks.1.stack.conv3.bn_dw 256
conv blocks.1.stack.conv3.conv_pw 256 256 1 1
norm blocks.1.stack.conv3.bn_pw 256
layer blocks.2.shortcut 728 256 1 1
conv blocks.2.stack.conv1.conv_dw 256 1 3 3
norm blocks.2.stack.conv1.bn_dw 256
conv blocks.2.stack.conv1.conv_pw 728 256 1 1
norm blocks.{2..19}.stack.conv1.bn_pw 728
conv blocks.{2..19}.stack.conv2.conv_dw 728 1 3 3
norm blocks.{2..19}.stack.conv2.bn_dw 728
conv blocks.{2..18}.stack.conv2.conv_pw 728 728 1 1
norm blocks.{2..18}.stack.conv2.bn_pw 728
conv blocks.{2..18}.stack.conv3.conv_dw 728 1 3 3
norm blocks.{2..18}.stack.conv3.bn_dw 728
conv blocks.{2..18}.stack.conv3.conv_pw 728 728 1 1
norm blocks.{2..18}.stack.conv3.bn_pw 728
conv blocks.{3..19}.stack.conv1.conv_dw 728 1 3 3
norm blocks.{3..19}.stack.conv1.bn_dw 728
conv blocks.{3..19}.stack.conv1.conv_pw 728 728 1 1
layer blocks.19.shortcut 1024 728 1 1
conv blocks.19.stack.conv2.conv_pw 1024 728 1 1
norm blocks.19.stack.conv2.bn_pw 1024
conv blocks.19.stack.conv3.conv_dw 1024 1 3 3
norm blocks.19.stack.conv3.bn_dw 1024
conv blocks.19.stack.conv3.conv_pw 1024 1024 1 1
norm blocks.19.stack.conv3.bn_pw 1024
conv blocks.20.stack.conv1.conv_dw 1024 1 3 3
norm blocks.20.stack.conv1.bn_dw 1024
conv blocks.20.stack.conv1.conv_pw 1536 1024 1 1
norm blocks.20.stack.conv1.bn_pw 1536
conv blocks.20.stack.conv2.conv_dw 1536 1 3 3
norm blocks.20.stack.conv2.bn_dw 1536
conv blocks.20.stack.conv2.conv_pw 1536 1536 1 1
norm blocks.20.stack.conv2.bn_pw 1536
conv blocks.20.stack.conv3.conv_dw 1536 1 3 3
norm blocks.20.stack.conv3.bn_dw 1536
conv blocks.20.stack.conv3.conv_pw 2048 1536 1 1
norm blocks.20.stack.conv3.bn_pw 2048
dense head.fc 1000 2048
"""

TIMM_XCEPTION71 = """
layer stem.0 32 3 3 3
layer stem.1 64 32 3 3
layer blocks.0.shortcut 128 64 1 1
conv blocks.0.stack.conv1.conv_dw 64 1 3 3
norm blocks.0.stack.conv1.bn_dw 64
conv blocks.0.stack.conv1.conv_pw 128 64 1 1
norm blocks.0.stack.conv1.bn_pw 128
conv blocks.0.stack.conv2.conv_dw 128 1 3 3
norm blocks.0.stack.conv2.bn_dw 128
conv blocks.0.stack.conv2.conv_pw 128 128 1 1
norm blocks.0.stack.conv2.bn_pw 128
conv blocks.0.stack.conv3.conv_dw 128 1 3 3
norm blocks.0.stack.conv3.bn_dw 128
conv blocks.0.stack.conv3.conv_pw 128 128 1 1
norm blocks.0.stack.conv3.bn_pw 128
layer blocks.1.shortcut 256 128 1 1
conv blocks.1.stack.conv1.conv_dw 128 1 3 3
norm blocks.1.stack.conv1.bn_dw 128
conv blocks.1.stack.conv1.conv_pw 256 128 1 1
norm blocks.{1..2}.stack.conv1.bn_pw 256
conv blocks.{1..2}.stack.conv2.conv_dw 256 1 3 3
norm blocks.{1..2}.stack.conv2.bn_dw 256
conv blocks.{1..2}.stack.conv2.conv_pw 256 256 1 1
norm blocks.{1..2}.stack.conv2.bn_pw 256
conv blocks.{1..2}.stack.conv3.conv_dw 256 1 3 3
norm blocks.{1..2}.stack.conv3.bn_dw 256
conv blocks.{1..2}.stack.conv3.conv_pw 256 256 1 1
norm blocks.{1..2}.stack.conv3.bn_pw 256
layer blocks.2.shortcut 256 256 1 1
conv blocks.{2..3}.stack.conv1.conv_dw 256 1 3 3
norm blocks.{2..3}.stack.conv1.bn_dw 256
conv blocks.2.stack.conv1.conv_pw 256 256 1 1
layer blocks.3.shortcut 728 256 1 1
conv blocks.3.stack.conv1.conv_pw 728 256 1 1
norm blocks.{3..21}.stack.conv1.bn_pw 728
conv blocks.{3..21}.stack.conv2.conv_dw 728 1 3 3
norm blocks.{3..21}.stack.conv2.bn_dw 728
conv blocks.{3..20}.stack.conv2.conv_pw 728 728 1 1
norm blocks.{3..20}.stack.conv2.bn_pw 728
conv blocks.{3..20}.stack.conv3.conv_dw 728 1 3 3
norm blocks.{3..20}.stack.conv3.bn_dw 728
conv blocks.{3..20}.stack.conv3.conv_pw 728 728 1 1
norm blocks.{3..20}.stack.conv3.bn_pw 728
layer blocks.4.shortcut 728 728 1 1
conv blocks.{4..21}.stack.conv1.conv_dw 728 1 3 3
norm blocks.{4..21}.stack.conv1.bn_dw 728
conv blocks.{4..21}.stack.conv1.conv_pw 728 728 1 1
layer blocks.21.shortcut 1024 728 1 1
conv blocks.21.stack.conv2.conv_pw 1024 728 1 1
norm blocks.21.stack.conv2.bn_pw 1024
conv blocks.21.stack.conv3.conv_dw 1024 1 3 3
norm blocks.21.stack.conv3.bn_dw 1024
conv blocks.21.stack.conv3.conv_pw 1024 1024 1 1
norm blocks.21.stack.conv3.bn_pw 1024
conv blocks.22.stack.conv1.conv_dw 1024 1 3 3
norm blocks.22.stack.conv1.bn_dw 1024
conv blocks.22.stack.conv1.conv_pw 1536 1024 1 1
norm blocks.22.stack.conv1.bn_pw 1536
conv blocks.22.stack.conv2.conv_dw 1536 1 3 3
norm blocks.22.stack.conv2.bn_dw 1536
conv blocks.22.stack.conv2.conv_pw 1536 1536 1 1
norm blocks.22.stack.conv2.bn_pw 1536
conv blocks.22.stack.conv3.conv_dw 1536 1 3 3
norm blocks.22.stack.conv3.bn_dw 1536
conv blocks.22.stack.conv3.conv_pw 2048 1536 1 1
norm blocks.22.stack.conv3.bn_pw 2048
dense head.fc 1000 2048
"""

TORCHVISION_ALEXNET = """
conv+bias features.0 64 3 11 11
conv+bias features.3 192 64 5 5
conv+bias features.6 384 192 3 3
conv+bias features.8 256 384 3 3
conv+bias features.10 256 256 3 3
dense classifier.1 4096 9216
dense classifier.4 4096 4096
dense classifier.6 1000 4096
"""

TORCHVISION_VGG16 = """
conv+bias features.0 64 3 3 3
conv+bias features.2 64 64 3 3
conv+bias features.5 128 64 3 3
conv+bias features.7 128 128 3 3
conv+bias features.10 256 128 3 3
conv+bias features.12 256 256 3 3
conv+bias features.14 256 256 3 3
conv+bias features.17 512 256 3 3
conv+bias features.19 512 512 3 3
conv+bias features.21 512 512 3 3
conv+bias features.24 512 512 3 3
conv+bias features.26 512 512 3 3
conv+bias features.28 512 512 3 3
dense classifier.0 4096 25088
dense classifier.3 4096 4096
dense classifier.6 1000 4096
"""

TORCHVISION_RESNET50 = """
conv conv1 64 3 7 7
norm bn1 64
conv layer1.0.conv1 64 64 1 1
norm layer1.0.bn1 64
conv layer1.0.conv2 64 64 3 3
norm layer1.0.bn2 64
conv layer1.0.conv3 256 64 1 1
norm layer1.0.bn3 256
conv layer1.0.downsample.0 256 64 1 1
norm layer1.0.downsample.1 256
conv layer1.{1..2}.conv1 64 256 1 1
norm layer1.{1..2}.bn1 64
conv layer1.{1..2}.conv2 64 64 3 3
norm layer1.{1..2}.bn2 64
conv layer1.{1..2}.conv3 256 64 1 1
norm layer1.{1..2}.bn3 256
conv layer2.0.conv1 128 256 1 1
norm layer2.0.bn1 128
conv layer2.0.conv2 128 128 3 3
norm layer2.0.bn2 128
conv layer2.0.conv3 512 128 1 1
norm layer2.0.bn3 512
conv layer2.0.downsample.0 512 256 1 1
norm layer2.0.downsample.1 512
conv layer2.{1..3}.conv1 128 512 1 1
norm layer2.{1..3}.bn1 128
conv layer2.{1..3}.conv2 128 128 3 3
norm layer2.{1..3}.bn2 128
conv layer2.{1..3}.conv3 512 128 1 1
norm layer2.{1..3}.bn3 512
conv layer3.0.conv1 256 512 1 1
norm layer3.0.bn1 256
conv layer3.0.conv2 256 256 3 3
norm layer3.0.bn2 256
conv layer3.0.conv3 1024 256 1 1
norm layer3.0.bn3 1024
conv layer3.0.downsample.0 1024 512 1 1
norm layer3.0.downsample.1 1024
conv layer3.{1..5}.conv1 256 1024 1 1
norm layer3.{1..5}.bn1 256
conv layer3.{1..5}.conv2 256 256 3 3
norm layer3.{1..5}.bn2 256
conv layer3.{1..5}.conv3 1024 256 1 1
norm layer3.{1..5}.bn3 1024
conv layer4.0.conv1 512 1024 1 1
norm layer4.0.bn1 512
conv layer4.0.conv2 512 512 3 3
norm layer4.0.bn2 512
conv layer4.0.conv3 2048 512 1 1
norm layer4.0.bn3 2048
conv layer4.0.downsample.0 2048 1024 1 1
norm layer4.0.downsample.1 2048
conv layer4.{1..2}.conv1 512 2048 1 1
norm layer4.{1..2}.bn1 512
conv layer4.{1..2}.conv2 512 512 3 3
norm layer4.{1..2}.bn2 512
conv layer4.{1..2}.conv3 2048 512 1 1
norm layer4.{1..2}.bn3 2048
dense fc 1000 2048
"""

FACENET_INCEPTION_RESNET_V1 = """
layer conv2d_1a 32 3 3 3
layer conv2d_2a 32 32 3 3
layer conv2d_2b 64 32 3 3
layer conv2d_3b 80 64 1 1
layer conv2d_4a 192 80 3 3
layer conv2d_4b 256 192 3 3
layer repeat_1.{0..4}.branch0 32 256 1 1
layer repeat_1.{0..4}.branch1.0 32 256 1 1
layer repeat_1.{0..4}.branch1.1 32 32 3 3
layer repeat_1.{0..4}.branch2.0 32 256 1 1
layer repeat_1.{0..4}.branch2.1 32 32 3 3
layer repeat_1.{0..4}.branch2.2 32 32 3 3
conv+bias repeat_1.{0..4}.conv2d 256 96 1 1
layer mixed_6a.branch0 384 256 3 3
layer mixed_6a.branch1.0 192 256 1 1
layer mixed_6a.branch1.1 192 192 3 3
layer mixed_6a.branch1.2 256 192 3 3
layer repeat_2.{0..9}.branch0 128 896 1 1
layer repeat_2.{0..9}.branch1.0 128 896 1 1
layer repeat_2.{0..9}.branch1.1 128 128 1 7
layer repeat_2.{0..9}.branch1.2 128 128 7 1
conv+bias repeat_2.{0..9}.conv2d 896 256 1 1
layer mixed_7a.branch0.0 256 896 1 1
layer mixed_7a.branch0.1 384 256 3 3
layer mixed_7a.branch1.0 256 896 1 1
layer mixed_7a.branch1.1 256 256 3 3
layer mixed_7a.branch2.0 256 896 1 1
layer mixed_7a.branch2.1 256 256 3 3
layer mixed_7a.branch2.2 256 256 3 3
layer repeat_3.{0..4}.branch0 192 1792 1 1
layer repeat_3.{0..4}.branch1.0 192 1792 1 1
layer repeat_3.{0..4}.branch1.1 192 192 1 3
layer repeat_3.{0..4}.branch1.2 192 192 3 1
conv+bias repeat_3.{0..4}.conv2d 1792 384 1 1
layer block8.branch0 192 1792 1 1
layer block8.branch1.0 192 1792 1 1
layer block8.branch1.1 192 192 1 3
layer block8.branch1.2 192 192 3 1
conv+bias block8.conv2d 1792 384 1 1
conv last_linear 512 1792
norm last_bn 512
dense logits 8631 512
"""

# The convolutions of keras.applications.InceptionV3 in the order of its `layers`, by the numbers that Keras 3.15.1 gives them;
# its normalisations stand in the same.
KERAS_INCEPTION_V3 = """
0 1 2 3 4 8 6 9 5 7 10 11 15 13 16 12 14 17 18 22 20 23 19 21 24 25 27 28 26 29 34 35 31 36 32 37 30 33 38 39 44 45 41 46
42 47 40 43 48 49 54 55 51 56 52 57 50 53 58 59 64 65 61 66 62 67 60 63 68 69 72 73 70 74 71 75 80 77 81 78 79 82 83 76 84
89 86 90 87 88 91 92 85 93
"""


def expand(text: str) -> dict[str, tuple[int, ...]]:
    """The keys of a network's state_dict, with their shapes."""
    keys = {}
    for line in text.strip().splitlines():
        kind, name, *numbers = line.split()
        shape = tuple(map(int, numbers))
        run = re.search(r"\{(\d+)\.\.(\d+)\}", name)
        names = [name]
        if run:
            names = [name.replace(run[0], str(number)) for number in range(int(run[1]), int(run[2]) + 1)]
        for each in names:
            if kind == "layer":
                keys |= {f"{each}.conv.weight": shape} | _norm(f"{each}.bn", shape[0])
            elif kind == "norm":
                keys |= _norm(each, shape[0])
            else:
                keys[f"{each}.weight"] = shape
                if kind in ("dense", "conv+bias"):
                    keys[f"{each}.bias"] = shape[:1]
    return keys


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (width,) for part in parts} | {f"{name}.num_batches_tracked": ()}

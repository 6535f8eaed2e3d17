"""The operations of torch that the tests' process carries out for a student's: a table made beforehand, and nothing beside it.

In it is what tensors are computed with. Not in it is what reaches files or devices, what puts one tensor's memory under
another or changes its size, and what takes an index or a form without looking at it (sparse, nested and quantised tensors).
"""

import torch
from torch._ops import OpOverload

# Of every name also the form that changes its first argument (`add` and `add_`), where torch has one.
_NAMES = """
abs absolute acos acosh add addcdiv addcmul angle asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not bitwise_or
bitwise_right_shift bitwise_xor ceil clamp clamp_max clamp_min conj_physical copysign cos cosh deg2rad digamma div erf erfc erfinv exp exp2
expm1 float_power floor floor_divide fmax fmin fmod frac frexp gcd heaviside hypot i0 igamma igammac lcm ldexp lerp lgamma log log10 log1p log2
logaddexp logaddexp2 logit maximum minimum mul mvlgamma nan_to_num neg nextafter polygamma positive pow rad2deg reciprocal remainder round
rsqrt rsub sgn sigmoid sign signbit sin sinc sinh special_entr special_erfcx special_i0e special_i1 special_i1e special_log_ndtr special_ndtri
special_xlog1py special_zeta sqrt square sub tan tanh true_divide trunc xlogy _conj _conj_physical _neg_view

eq ge gt isclose isfinite isin isinf isnan isneginf isposinf le logical_and logical_not logical_or logical_xor lt ne equal allclose where

all amax amin aminmax any argmax argmin bincount count_nonzero cummax cummin cumprod cumsum diff histc kthvalue logcumsumexp logsumexp max mean
median min mode nanmean nanmedian nansum norm nuclear_norm prod quantile nanquantile std std_mean sum trace var var_mean unique_consecutive
unique_dim _unique _unique2 _aminmax _cummax_helper _cummin_helper _logcumsumexp _is_all_true _is_any_true _local_scalar_dense
argsort bucketize msort searchsorted sort topk
linalg_vector_norm linalg_matrix_norm

addbmm addmm addmv addr baddbmm bmm cdist cross dot einsum inner kron linear matmul matrix_exp mm mv outer tensordot vdot _cdist_forward
_trilinear _euclidean_dist _pdist_forward _addmm_activation
cholesky cholesky_inverse cholesky_solve linalg_cholesky_ex linalg_cross linalg_det linalg_eig linalg_eigh linalg_eigvals linalg_householder_product
linalg_inv_ex linalg_lstsq linalg_lu linalg_lu_factor_ex linalg_lu_solve linalg_matrix_exp linalg_pinv linalg_qr linalg_slogdet linalg_solve
linalg_solve_triangular linalg_svd linalg_svdvals lu_unpack _linalg_check_errors _linalg_det _linalg_eigh _linalg_eigvals _linalg_slogdet
_linalg_solve_ex _linalg_svd triangular_solve

alias arange as_strided block_diag broadcast_tensors broadcast_to cat channel_shuffle chunk clone col2im column_stack complex concat constant_pad_nd
contiguous copy detach diag diag_embed diagonal diagonal_scatter dstack empty empty_like empty_permuted empty_strided expand expand_as eye fill
fill_diagonal flatten flip full full_like gather hstack im2col imag index index_add index_copy index_fill index_put index_reduce index_select
lift_fresh lift_fresh_copy linspace logspace masked_fill masked_scatter masked_select meshgrid movedim narrow native_channel_shuffle new_empty
new_empty_strided new_full new_ones new_zeros nonzero ones ones_like pad permute pixel_shuffle pixel_unshuffle polar put range ravel real
reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d replication_pad3d reshape
resolve_conj resolve_neg roll rot90 scalar_tensor scatter scatter_add scatter_reduce select select_scatter slice slice_scatter split
split_with_sizes squeeze stack swapaxes t take take_along_dim tensor_split tile to transpose tril tril_indices triu triu_indices unbind
unflatten unfold unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze view view_as view_as_complex view_as_real vstack zero zeros
zeros_like _index_put_impl _reshape_alias _to_copy _unsafe_index _unsafe_index_put _unsafe_view _efficientzerotensor _new_zeros_with_same_feature_meta
detach_copy expand_copy permute_copy select_copy slice_copy squeeze_copy t_copy transpose_copy unbind_copy unsqueeze_copy view_copy

bernoulli binomial cauchy dropout exponential geometric log_normal multinomial native_dropout normal normal_functional poisson rand rand_like
randint randint_like randn randn_like random randperm uniform

adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d
avg_pool3d batch_norm celu conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d convolution elu embedding
fractional_max_pool2d fractional_max_pool3d gelu glu grid_sampler_2d grid_sampler_3d group_norm hardshrink hardsigmoid hardswish hardtanh
instance_norm layer_norm leaky_relu log_sigmoid log_sigmoid_forward log_softmax max_pool1d max_pool2d max_pool3d max_pool1d_with_indices
max_pool2d_with_indices max_pool3d_with_indices max_unpool2d max_unpool3d mish native_batch_norm native_group_norm native_layer_norm prelu relu
relu6 rms_norm rrelu_with_noise scaled_dot_product_attention selu silu softmax softplus softshrink threshold affine_grid_generator
upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_trilinear3d
_adaptive_avg_pool2d _adaptive_avg_pool3d _batch_norm_impl_index _batch_norm_with_update _batch_norm_no_update _conv_depthwise2d _convolution
_fused_rms_norm _log_softmax _native_batch_norm_legit _native_batch_norm_legit_functional _native_batch_norm_legit_no_training _prelu_kernel
_safe_softmax _scaled_dot_product_attention_math _scaled_dot_product_flash_attention_for_cpu _slow_conv2d_forward _softmax _upsample_bicubic2d_aa
_upsample_bilinear2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d _weight_norm _weight_norm_interface
mkldnn_convolution slow_conv3d_forward slow_conv_dilated2d slow_conv_dilated3d slow_conv_transpose2d slow_conv_transpose3d conv_depthwise3d

binary_cross_entropy binary_cross_entropy_with_logits cosine_similarity cross_entropy_loss ctc_loss huber_loss kl_div l1_loss margin_ranking_loss
mse_loss multi_margin_loss multilabel_margin_loss_forward nll_loss nll_loss_forward nll_loss2d nll_loss2d_forward smooth_l1_loss soft_margin_loss
triplet_margin_loss _ctc_loss

adaptive_avg_pool3d_backward adaptive_max_pool2d_backward adaptive_max_pool3d_backward avg_pool2d_backward avg_pool3d_backward
binary_cross_entropy_backward convolution_backward cumprod_backward diagonal_backward elu_backward embedding_backward embedding_dense_backward
fractional_max_pool2d_backward fractional_max_pool3d_backward gather_backward gelu_backward glu_backward grid_sampler_2d_backward
grid_sampler_3d_backward hardshrink_backward hardsigmoid_backward hardswish_backward hardtanh_backward huber_loss_backward index_select_backward
leaky_relu_backward log_sigmoid_backward logit_backward masked_scatter_backward max_pool2d_with_indices_backward max_pool3d_with_indices_backward
mish_backward mse_loss_backward multi_margin_loss_backward multilabel_margin_loss_backward native_batch_norm_backward native_dropout_backward
native_group_norm_backward native_layer_norm_backward nll_loss2d_backward nll_loss_backward reflection_pad1d_backward reflection_pad2d_backward
reflection_pad3d_backward replication_pad1d_backward replication_pad2d_backward replication_pad3d_backward rrelu_with_noise_backward
select_backward sigmoid_backward silu_backward slice_backward smooth_l1_loss_backward soft_margin_loss_backward softplus_backward
softshrink_backward tanh_backward threshold_backward trace_backward unfold_backward upsample_bicubic2d_backward upsample_bilinear2d_backward
upsample_linear1d_backward upsample_nearest1d_backward upsample_nearest2d_backward upsample_nearest3d_backward upsample_trilinear3d_backward
value_selecting_reduction_backward _adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward _batch_norm_impl_index_backward
batch_norm_backward _cdist_backward _convolution_double_backward _ctc_loss_backward _fused_rms_norm_backward _log_softmax_backward_data
_pdist_backward _prelu_kernel_backward _scaled_dot_product_flash_attention_for_cpu_backward _slow_conv2d_backward _softmax_backward_data
_upsample_bicubic2d_aa_backward _upsample_bilinear2d_aa_backward _upsample_nearest_exact1d_backward _upsample_nearest_exact2d_backward
_upsample_nearest_exact3d_backward _weight_norm_interface_backward
_foreach_abs _foreach_add _foreach_addcdiv _foreach_addcmul _foreach_clamp_max _foreach_clamp_min _foreach_copy _foreach_div _foreach_exp
_foreach_lerp _foreach_log _foreach_max _foreach_maximum _foreach_minimum _foreach_mul _foreach_neg _foreach_norm _foreach_pow
_foreach_reciprocal _foreach_sign _foreach_sqrt _foreach_sub _foreach_zero

fft_fft fft_ifft _fft_c2c _fft_c2r _fft_r2c
"""


def _table() -> dict[tuple[str, str], OpOverload]:
    found: dict[tuple[str, str], OpOverload] = {}
    for name in _NAMES.split():
        for form in (name, f"{name}_"):
            packet = getattr(torch.ops.aten, form, None)  # other versions of torch have others
            for overload in packet.overloads() if packet is not None else ():
                operation = getattr(packet, overload)
                if isinstance(operation, OpOverload):
                    found[f"aten::{form}", overload] = operation
    return found


OPERATIONS = _table()  # by name and overload, as an operation itself says them

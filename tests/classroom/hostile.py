"""Answers that mean harm to whoever reads them in a page. A script that runs sets `window.harm` and the page's title."""

import base64

RUN = "window.harm=1;document.title='harm'"
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel
)
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{RUN}"><script>{RUN}</script></svg>'
ATTACHMENTS = {
    "a.png": {"image/png": PICTURE},
    "s.svg": {"image/svg+xml": base64.b64encode(SVG.encode()).decode()},
    "h.html": {"text/html": base64.b64encode(f"<script>{RUN}</script>".encode()).decode()},
    "q": {f'image/png" onerror="{RUN}': "aGk="},
}
_ENTITIES = "".join(f"&#{ord(letter)};" for letter in "javascript:")

ANSWERS = {
    "script": f"<script>{RUN}</script>",
    "script in a line": f"My answer <script>{RUN}</script> is this.",
    "script with a type": f"<script type='module'>{RUN}</script>",
    "script, broken": f"<scr<script>ipt>{RUN}</scr</script>ipt><<script>{RUN}//<</script>",
    "script, case and spaces": f"<ScRiPt\n>{RUN}</sCrIpT\n>",
    "event of a picture": f"<img src=x onerror=\"{RUN}\">",
    "event without quotes": "<img src=x onerror=window.harm=1>",
    "event after a slash": f"<img/src=x/onerror=\"{RUN}\">",
    "event on a div": f"<div onmouseover=\"{RUN}\" style='position:fixed;inset:0'>over everything</div>",
    "events that come by themselves": f"<details open ontoggle=\"{RUN}\"><summary>s</summary>x</details><body onload=\"{RUN}\"><input autofocus onfocus=\"{RUN}\"><marquee onstart=\"{RUN}\">m</marquee><video><source onerror=\"{RUN}\"></video><audio src=x onerror=\"{RUN}\"></audio>",
    "animation": f"<style>@keyframes x{{from{{color:red}}}}</style><b style='animation:x 1s' onanimationstart=\"{RUN}\">b</b>",
    "svg": SVG,
    "svg with a link": f"<svg><a xlink:href='javascript:{RUN}'><text y='20'>click</text></a><animate onbegin=\"{RUN}\" attributeName=x dur=1s></svg>",
    "svg foreign object": "<svg><foreignObject><iframe srcdoc='<script>parent.harm=1</script>'></iframe></foreignObject></svg>",
    "math": f"<math><maction actiontype='statusline#http://x' xlink:href='javascript:{RUN}'>click</maction></math>",
    "mutation": f"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=x onerror='{RUN}'&gt;\">",
    "mutation in noscript": f"<noscript><p title=\"</noscript><img src=x onerror='{RUN}'>\"></noscript>",
    "mutation in a textarea": f"<textarea><p title=\"</textarea><img src=x onerror='{RUN}'>\"></textarea>",
    "frame": "<iframe src='javascript:parent.harm=1'></iframe>",
    "frame with its own page": "<iframe srcdoc='<script>parent.harm=1</script>'></iframe>",
    "object and embed": "<object data='data:text/html,<script>parent.harm=1</script>'></object><embed src='javascript:1'>",
    "form": "<form action='https://example.org' method=post><input name=a class=score><button formaction='javascript:1'>Save</button></form>",
    "form that writes marks": "<form id=f action='/formgrader/api/grade/1' method=post><input name=manual_score value=9></form><button form=f>Next</button>",
    "link": f"[click](javascript:{RUN})",
    "link in HTML": f"<a href='javascript:{RUN}'>click</a>",
    "link in letters": f"<a href='{_ENTITIES}{RUN}'>click</a> [click]({_ENTITIES}{RUN})",
    "link with a tab": f"<a href='java\tscript:{RUN}'>click</a><a href=' &#1;javascript:{RUN}'>click</a>",
    "link by name": f"[click][x] ![p][x]\n\n[x]: javascript:{RUN}",
    "link between angles": f"<javascript:{RUN}>",
    "link to data": f"[click](data:text/html;base64,{base64.b64encode(f'<script>{RUN}</script>'.encode()).decode()})",
    "link with vbscript": "[click](vbscript:msgbox(1))",
    "link to a file beside": "[click](evil.html) <a href='evil.html'>click</a>",
    "link into the formgrader": "<a href='/formgrader/submissions/1/next' ping='https://example.org'>click</a>",
    "quotes that close": f"![x](\"onerror=\"{RUN}) [x](https://a.b\"onmouseover=\"{RUN})",
    "picture elsewhere": "![spy](https://example.org/seen.png) <img src='//example.org/seen.png'> <img srcset='https://example.org/a 1x'>",
    "picture that is a script": f"![x](data:image/svg+xml;base64,{base64.b64encode(SVG.encode()).decode()})",
    "attachments": "![s](attachment:s.svg)",
    "attachment with an odd type": "![q](attachment:q)",
    "attachment of a page": "![h](attachment:h.html)",
    "style": "<style>body{display:none} @import url(https://example.org/x.css);</style><link rel=stylesheet href='https://example.org/x.css'>",
    "style of a cell": "<div style=\"position:fixed;top:0;left:0;width:100%;height:100%;background:url(https://example.org/x)\">x</div>",
    "classes of the page": "<div class='navbar navbar-fixed-top nbgrader_cell'><span class='score-saved' id='trade'>12</span></div>",
    "meta and base": "<meta http-equiv=refresh content='0;url=javascript:1'><base href='https://example.org/'>",
    "template": f"<template><script>{RUN}</script></template><slot></slot>",
    "formula": f"$\\href{{javascript:{RUN}}}{{click}}$ $<img src=x onerror=\"{RUN}\">$",
    "display formula": f"$$\n<script>{RUN}</script>\n[click](javascript:{RUN})\n$$",
    "environment": f"\\begin{{a}}<script>{RUN}</script>\\end{{a}} \\begin{{<script>}}x\\end{{<script>}}",
    "mermaid": f"```mermaid\n</pre><script>{RUN}</script>\ngraph TD; A-->B; click A \"javascript:{RUN}\"\n```",
    "code that ends": f"```\n</code></pre><script>{RUN}</script>\n```\n\n`</code><script>{RUN}</script>`",
    "comment": f"<!-- --!><script>{RUN}</script> --> <!--> <img src=x onerror=\"{RUN}\"> -->",
    "cdata": f"<![CDATA[<script>{RUN}</script>]]><?php <script>{RUN}</script> ?>",
    "half a tag": f"<img src=x onerror=\"{RUN}\" alt=\"",
    "bytes": f"<img\x00 src=x on\x00error=\"{RUN}\">\u202e<scr\x00ipt>{RUN}</script>",
    "HTML in a list": f"- <p>\n  <script>{RUN}</script>\n- > <iframe srcdoc=\"<script>parent.harm=1</script>\"></iframe>",
    "HTML in a table": f"| a |\n|---|\n| <img src=x onerror=\"{RUN}\"> |",
    "HTML in a title": f"[a](https://a.b \"<script>{RUN}</script>\") [b](https://a.b '\" onmouseover=\"{RUN}')",
    "closes the page's own": f"</div></div></div></body><script>{RUN}</script><div>",
}  # fmt: skip

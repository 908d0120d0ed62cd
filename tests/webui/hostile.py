"""HTML mails of people who want something from whoever looks: each tries to run, to load, to lead away, or to cost."""

from collections.abc import Iterator

RUN = "alert(1)"
AWAY = "http://evil.test"

# Where something could run by itself.
HANDLERS = [
    "onload",
    "onerror",
    "onclick",
    "onmouseover",
    "onfocus",
    "onblur",
    "onanimationstart",
    "ontoggle",
    "onpointerover",
    "onbeforetoggle",
    "onbegin",
    "onscroll",
    "onwheel",
    "onpaste",
    "oninput",
    "onchange",
    "ondrag",
    "onresize",
    "onhashchange",
    "onpageshow",
    "onmessage",
]
ELEMENTS = (
    "img src=x", "svg", "body", "details open", "video src=x", "audio src=x", "iframe src=x", "input autofocus",
    "marquee", "object data=x", "embed src=x", "select autofocus", "table background=x", "style", "link rel=stylesheet",
    "math", "button popovertarget=x", "a href=#", "form", "p",
)  # fmt: skip
ADDRESSES = (
    f"javascript:{RUN}", f"JaVaScRiPt:{RUN}", f"java\tscript:{RUN}", f"java&#10;script:{RUN}", f"&#106;avascript:{RUN}",
    f"&#x6a;avascript:{RUN}", f"\x01javascript:{RUN}", f" javascript:{RUN}", "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg onload=alert(1)>", "blob:x", "file:///etc/passwd", f"//evil.test/{RUN}", f"{AWAY}/a.png",
    "cid:1@evil.test", "about:blank", "filesystem:x", "ws://evil.test/",
)  # fmt: skip
LOADING = (
    "<img src=%s>", "<img srcset='%s 1x'>", "<picture><source srcset=%s><img></picture>", "<video poster=%s></video>",
    "<audio src=%s autoplay></audio>", "<iframe src=%s></iframe>", "<object data=%s></object>", "<embed src=%s>",
    "<link rel=stylesheet href=%s>", "<link rel=prefetch href=%s>", "<link rel=dns-prefetch href=%s>", "<base href=%s>",
    "<meta http-equiv=refresh content='0;url=%s'>", "<body background=%s>", "<table background=%s><tr><td>x</table>",
    "<style>@import '%s';</style>", "<style>body{background:url(%s)}</style>",
    "<div style='background:url(%s)'>x</div>",
    "<svg><image href=%s /></svg>", "<svg><use href=%s /></svg>", "<math><mi href=%s>x</mi></math>",
    "<input type=image src=%s>", "<form action=%s><button>x</button></form>", "<a href=%s ping=%s>x</a>",
    "<script src=%s></script>", "<track src=%s>", "<frameset><frame src=%s></frameset>", "<bgsound src=%s>",
    "<isindex action=%s>", "<applet code=%s></applet>", "<xml src=%s></xml>", "<v:image src=%s />",
)  # fmt: skip
# What a browser reads otherwise than a cleaner does.
MISREAD = (
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<svg><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></svg>",
    "<math><annotation-xml encoding='text/html'><style><img src=x onerror=alert(1)></style></annotation-xml></math>",
    "<template><script>alert(1)</script></template>",
    "<textarea></textarea><script>alert(1)</script>",
    "<title><img src=x onerror=alert(1)></title>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<img src='x' onerror='alert(1)'",
    "<img/src=x/onerror=alert(1)>",
    "<img src=x onerror\n=\nalert(1)>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\x00>alert(1)</script>",
    "<\x00script>alert(1)</script>",
    "<SCRIPT>alert(1)</SCRIPT>",
    "<script>alert(1)//",
    "\u003cscript\u003ealert(1)\u003c/script\u003e",
    "<p title='\"><img src=x onerror=alert(1)>'>x</p>",
    "<u title=\"x\" onmouseover=\"alert(1)\">x</u>",
    "<a href='http://x.test/<a href=\"javascript:alert(1)\">'>x</a>",
    "<a href=\"http://x.test/&quot; onmouseover=&quot;alert(1)\">x</a>",
    "<table><td><script>alert(1)</script></td></table>",
    "<select><template><img src=x onerror=alert(1)></template></select>",
    "<dialog open onclose=alert(1)>x</dialog>",
    "<slot onslotchange=alert(1)>x</slot>",
    "<style>*{xss:expression(alert(1))}</style>",
    "<div style=\"width:expression(alert(1))\">x</div>",
    "<div style=\"-moz-binding:url(http://evil.test/x.xml#xss)\">x</div>",
    "<div style='position:fixed;inset:0;z-index:9'>You are signed out: type your password</div>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object type='text/html' data='data:text/html,<script>alert(1)</script>'></object>",
    "<portal src=http://evil.test></portal>",
    "<div id=csrf name=actor><img name=cookie></div>",
    "<form id=x></form><input form=x name=parentNode>",
    "<button hx-get='/held' hx-trigger='load'>x</button>",
    "<div hx-on:load='alert(1)' hx-vals='js:{a:alert(1)}'>x</div>",
    "<div data-hx-get=http://evil.test data-hx-trigger=load>x</div>",
    "\u202e<img src=x onerror=alert(1)>\u2066",
    "<p>&#x202e;gnp.exe</p>",
)  # fmt: skip
COSTLY = (
    "<div>" * 100_000,
    "<p " + "a=1 " * 50_000 + ">x</p>",
    "<b>" * 20_000 + "x",
    "<table>" * 3_000,
    "<a href='" + "x" * 200_000 + "'>x</a>",
    "<!--" * 50_000,
    "&amp;" * 60_000,
    "<" * 100_000,
    "<font color=red>" * 20_000,
    "<svg><g>" * 20_000,
)


def mails() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each."""
    for number, html in enumerate(bodies()):
        head = "From: <x@evil.test>\r\nTo: <bo@example.com>\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
        page = f"<html><body><p>seen</p>{html}</body></html>"
        data = f"{head}Content-Type: text/html; charset=utf-8\r\n\r\n{page}\r\n".encode("utf-8", "surrogatepass")
        yield f"{number}: {html[:40]!r}", data


def bodies() -> Iterator[str]:
    for place, handler in enumerate(HANDLERS):
        for element in (ELEMENTS[place % len(ELEMENTS)], ELEMENTS[(place + 7) % len(ELEMENTS)]):
            yield f"<{element} {handler}={RUN}>x"
    for address in ADDRESSES:
        yield f'<a href="{address}">x</a><img src="{address}"><iframe src="{address}"></iframe>'
        yield f'<form action="{address}"><input type=submit autofocus></form><object data="{address}"></object>'
    for loading in LOADING:
        yield loading.replace("%s", f"{AWAY}/x")
        yield f"<div>{loading.replace('%s', 'data:text/html,<script>alert(1)</script>')}</div>"
    yield from MISREAD
    yield from COSTLY

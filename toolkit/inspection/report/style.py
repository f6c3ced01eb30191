"""The style sheet of the page: light and dark, without external resources."""

CSS = """
:root{color-scheme:light dark;--paper:#fff;--ink:#16191d;--soft:#58606b;--line:#d5dae0;--faint:#f3f5f7;
--zero:#f7f7f7;--negative:#c85a00;--positive:#005ab5;--error:#b3261e;--warning:#8a5a00}
@media(prefers-color-scheme:dark){:root{--paper:#14171c;--ink:#eceff3;--soft:#a3adba;--line:#3a414c;--faint:#1d2229;
--zero:#262b33;--negative:#ff7e00;--positive:#3b9dff;--error:#ff8a80;--warning:#f0b849}.k{filter:brightness(1.4)}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1400px;padding:24px;background:var(--paper);color:var(--ink);
font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:22px;margin:0 0 4px}
h2{font-size:16px;margin:28px 0 8px}
p{margin:4px 0}
code,td.num,.list{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12.5px}
.soft{color:var(--soft)}
.facts{display:flex;flex-wrap:wrap;gap:8px 32px;margin:12px 0}
.facts b{display:block;font-size:19px}
ul.findings{list-style:none;padding:0;margin:0}
ul.findings li{padding:3px 0}
.tag{display:inline-block;min-width:64px;font-weight:600}
.error{color:var(--error)}
.warning{color:var(--warning)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:5px;border-bottom:1px solid var(--line);vertical-align:middle;white-space:nowrap}
th{position:sticky;top:0;background:var(--paper);z-index:1;font-weight:600}
th button{all:unset;cursor:pointer;font-weight:600}
th button:focus-visible,td button:focus-visible{outline:2px solid var(--positive)}
th[aria-sort=ascending] button::after{content:" \\2191"}
th[aria-sort=descending] button::after{content:" \\2193"}
td.num,th.num{text-align:right}
td.name{max-width:280px;overflow:hidden;text-overflow:ellipsis}
td button{all:unset;cursor:pointer;font-weight:600}
td button::before{content:"\\25b8";display:inline-block;width:14px;color:var(--soft)}
td button[aria-expanded=true]::before{content:"\\25be"}
tr.t:hover td{background:var(--faint)}
tr.d>td{white-space:normal;background:var(--faint);padding:14px 22px}
.parts{display:flex;flex-wrap:wrap;gap:20px 36px;align-items:flex-start}
.part{max-width:100%}
.k{image-rendering:pixelated;background:var(--zero);border:1px solid var(--line);display:block;max-width:100%}
.scroll{max-width:min(100%,660px);max-height:520px;overflow:auto}
svg .n{fill:var(--negative)}
svg .z{fill:var(--soft)}
svg .p{fill:var(--positive)}
svg .bar{fill:var(--positive)}
svg .grid{stroke:var(--line)}
svg .tick{stroke:var(--soft)}
summary{cursor:pointer;color:var(--soft)}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}
.curves{max-width:100%;height:auto}
.curves .grid{stroke:var(--line)}
.curves .kept{stroke:var(--soft);stroke-dasharray:2 3}
.curves .curve{fill:none;stroke-width:2}
.curves .dashed{stroke-dasharray:6 4}
.curves polyline.t,.curves line.t{stroke:var(--positive)}
.curves polyline.v,.curves line.v{stroke:var(--negative)}
.curves circle.t{fill:var(--positive)}
.curves circle.v{fill:var(--negative)}
input,select{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:6px;
padding:5px 9px}
input[type=search]{width:min(100%,340px)}
.bar-line{display:flex;gap:12px;align-items:center;margin:8px 0;flex-wrap:wrap}
.values{width:100%}
.list{position:relative;height:340px;overflow:auto;border:1px solid var(--line);background:var(--paper);margin-top:6px}
.list div.room{position:relative}
.list pre{position:absolute;left:0;top:0;margin:0;padding:0 10px;font:inherit;line-height:20px}
"""

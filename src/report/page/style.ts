import { casesStyle } from '../cases/style.js';
import { colourVariables } from '../figures/palette.js';

const light = `--page:#fbfbfa;--card:#ffffff;--ink:#1a1f26;--soft:#586270;--rule:#e1e4e8;--accent:#0b5a94;--wash:#eef3f7;${colourVariables('light')};color-scheme:light`;
const dark = `--page:#111418;--card:#161a1f;--ink:#e9ecf0;--soft:#a8b1bc;--rule:#2b323a;--accent:#7cc0f5;--wash:#1c242c;${colourVariables('dark')};color-scheme:dark`;

/** The page's style sheet: light and dark, a column of text with the contents beside it, one column on a phone and on paper. */
export const style = `
:root{${light}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}
:root[data-theme=dark]{${dark}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1.5rem}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.6 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.frame{display:grid;grid-template-columns:12.5rem minmax(0,60rem);gap:0 3rem;max-width:80rem;margin:0 auto;padding:3rem 2rem 4rem}
header,footer,main{grid-column:2}
header{border-bottom:1px solid var(--rule);padding-bottom:1.5rem;margin-bottom:1rem;display:flex;gap:1.5rem;align-items:flex-start;justify-content:space-between}
h1,h2,h3,h4{line-height:1.25;letter-spacing:-.012em;text-wrap:balance;overflow-wrap:anywhere}
h1{font-size:2.1rem;font-weight:650;margin:0}
h2{font-size:1.55rem;font-weight:650;margin:3.25rem 0 .75rem}
h3{font-size:1.15rem;font-weight:620;margin:2.75rem 0 .6rem}
h4{font-size:1rem;margin:1.75rem 0 .4rem}
main>section:first-child>h2:first-child{margin-top:1.5rem}
section+section>h3{border-top:1px solid var(--rule);padding-top:1.6rem}
p{margin:.6rem 0;max-width:44rem}
a{color:var(--accent);text-underline-offset:.18em;text-decoration-thickness:1px}
:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:3px}
.subtitle{color:var(--soft);margin:.4rem 0 0}
.lead{font-size:1.1rem}
.soft,figcaption,footer{color:var(--soft)}
button{font:inherit;font-size:.85rem;color:var(--ink);background:var(--card);border:1px solid var(--rule);border-radius:2rem;padding:.3rem .9rem;white-space:nowrap;cursor:pointer}
button:hover{border-color:var(--soft)}
nav{grid-column:1;grid-row:1/span 3;position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;padding:.4rem 0 2rem;font-size:.88rem;line-height:1.4}
nav p{font-size:.75rem;letter-spacing:.08em;text-transform:uppercase;color:var(--soft);margin:0 0 .6rem}
nav ol{list-style:none;margin:0;padding:0}
nav ol ol{padding-left:.9rem;border-left:1px solid var(--rule);margin:.15rem 0 .7rem}
nav a{display:block;padding:.22rem 0;color:var(--ink);text-decoration:none;overflow-wrap:anywhere}
nav ol ol a{color:var(--soft)}
nav a:hover,nav a[aria-current]{color:var(--accent)}
figure{margin:1.5rem 0 2.25rem;max-width:52rem}
figcaption{font-size:.9rem;line-height:1.5;margin-top:.7rem;max-width:44rem}
figcaption b{color:var(--ink);font-weight:620}
figcaption .files{white-space:nowrap}
.drawing,.scroll{overflow-x:auto;overflow-y:hidden}
.drawing{background:linear-gradient(90deg,var(--card) 40%,transparent) left/2.5rem 100% no-repeat local,linear-gradient(270deg,var(--card) 40%,transparent) right/2.5rem 100% no-repeat local,linear-gradient(90deg,var(--rule),transparent) left/.7rem 100% no-repeat scroll,linear-gradient(270deg,var(--rule),transparent) right/.7rem 100% no-repeat scroll,var(--card)}
.drawing{border:1px solid var(--rule);border-radius:8px;padding:1rem}
.drawing svg{display:block;height:auto;width:100%}
.drawing text{font-variant-numeric:tabular-nums}
img{max-width:100%;height:auto}
table{border-collapse:collapse;font-size:.88rem;line-height:1.4;font-variant-numeric:tabular-nums;min-width:100%}
.scroll{margin:1rem 0 1.5rem}
caption{text-align:left;color:var(--soft);padding-bottom:.5rem}
th,td{text-align:left;padding:.42rem .5rem;border-bottom:1px solid var(--rule);vertical-align:top}
td.number,th.number{text-align:right}td.number{white-space:nowrap}
tbody th{font-weight:560;white-space:nowrap}
thead th{font-weight:560;color:var(--soft);vertical-align:bottom;border-bottom-color:var(--soft)}
tbody tr.strong>*{background:var(--wash)}
pre{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:1rem;overflow:auto;font:.82rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
summary{cursor:pointer;width:fit-content}
footer{border-top:1px solid var(--rule);margin-top:3.5rem;padding-top:1rem;font-size:.85rem;overflow-wrap:anywhere}
.skip{position:absolute;left:-999rem}
.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.4rem .8rem;z-index:1}
@media (max-width:66rem){
.frame{display:block;padding:1.5rem 1rem 3rem;max-width:54rem}
nav{position:static;max-height:none;margin-bottom:1.5rem;padding:0}
h1{font-size:1.6rem}h2{font-size:1.35rem}
.drawing{padding:.6rem}
}
@media print{
:root,:root[data-theme=dark]{${light};--page:#fff}
.frame{display:block;max-width:none;padding:0}
nav,button,.skip,.files{display:none}
body{font-size:10.5pt}
figure,tr{break-inside:avoid}
h2,h3{break-after:avoid}
.drawing{border:0;padding:0}
.drawing,.scroll,pre{overflow:visible}
.drawing svg{min-width:0!important}
pre{white-space:pre-wrap}
a{color:inherit}
}
${casesStyle}`.replaceAll('\n', '');

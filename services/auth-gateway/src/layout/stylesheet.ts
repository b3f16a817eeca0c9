import { modes, type Palette, paletteOf, type Theme } from '@rekey/texts'
import { type Asset, createAsset } from './assets.ts'

const variables = (palette: Palette): string =>
  Object.entries(palette)
    .map(([name, color]) => `--${name}:${color}`)
    .join(';')

const systemFonts = 'system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif'

/** Logical properties only (inline, block, start, end): the same rules then serve scripts from right to left. */
const rules = `*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;min-block-size:100vh;display:flex;flex-direction:column;background:var(--surround);color:var(--text);font:1rem/1.5 var(--font);overflow-wrap:anywhere}
.bar{background:var(--background);border-block-end:1px solid color-mix(in srgb,var(--border) 35%,transparent)}
.bar>div{max-inline-size:60rem;margin-inline:auto;padding:.75rem 1rem;display:flex;gap:1rem;align-items:center;justify-content:space-between}
.brand{margin:0;font-size:1.125rem;font-weight:700;letter-spacing:-.01em}
.brand img{display:block;block-size:2.25rem;inline-size:auto;max-inline-size:12rem;object-fit:contain;object-position:0 50%}
[dir=rtl] .brand img{object-position:100% 50%}
.column{inline-size:100%;max-inline-size:30rem;margin-inline:auto;padding:1.25rem 1rem 2rem;flex:1}
.wide .column{max-inline-size:60rem}
main{background:var(--background);border:1px solid color-mix(in srgb,var(--border) 30%,transparent);border-radius:.75rem;padding:1.5rem 1.25rem}
h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25;letter-spacing:-.01em;text-wrap:balance}
h2{margin:1.5rem 0 .5rem;font-size:1.125rem;line-height:1.3}
p{margin:0 0 1rem}
ul,ol{margin:0 0 1rem;padding-inline-start:1.25rem}
li{margin-block-end:.25rem}
a{color:var(--accent);text-underline-offset:.15em}
a[href^="tel:"]{white-space:nowrap}
form{margin:1.5rem 0 0}
label{display:block;font-weight:600;margin:0 0 .25rem}
.steps{margin:0 0 .25rem;color:var(--quietText);font-size:.9375rem}
.hint{margin:0 0 .5rem;color:var(--quietText);font-size:.9375rem}
/* Phones zoom into fields of less than 16 px. */
input,select,textarea{display:block;inline-size:100%;min-block-size:3rem;margin:0 0 1.25rem;padding:.5rem .75rem;font:inherit;text-align:start;color:inherit;background:var(--background);border:1px solid var(--border);border-radius:.5rem}
input[type=checkbox],input[type=radio]{display:inline-block;inline-size:1.5rem;min-block-size:1.5rem;margin:0;vertical-align:middle;accent-color:var(--accent)}
[hidden]{display:none!important}
input.code{font:600 1.5rem/1.4 ui-monospace,Menlo,Consolas,monospace;letter-spacing:.2em}
input[aria-invalid]{border:2px solid var(--problem)}
button,.button{display:block;inline-size:100%;min-block-size:3rem;padding:.625rem 1rem;font:inherit;font-weight:600;text-align:center;text-decoration:none;color:var(--accentText);background:var(--accent);border:2px solid var(--accent);border-radius:.5rem;cursor:pointer}
button:hover,.button:hover{filter:brightness(1.08)}
button[aria-disabled]{opacity:.7;cursor:progress}
button.second,.button.second{color:var(--accent);background:transparent}
button.test{margin-block-start:.75rem}
button.danger{color:var(--background);background:var(--problem);border-color:var(--problem)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.password{position:relative;display:block;margin-block-end:1.25rem}
.password input{margin:0}
.password:has(button:not([hidden])) input{padding-inline-end:6.5rem}
.password button{position:absolute;inset-block:.25rem;inset-inline-end:.25rem;inline-size:auto;max-inline-size:6rem;min-block-size:2.5rem;padding:0 .75rem;font-size:.9375rem;color:var(--accent);background:var(--background);border:0}
.strength{margin:-.75rem 0 1.25rem;font-size:.9375rem;color:var(--quietText)}
.strength:empty{display:none}
.strength::before{content:"";display:block;block-size:.375rem;margin-block-end:.375rem;border-radius:1rem;background:color-mix(in srgb,var(--border) 30%,transparent);background-image:linear-gradient(var(--fill),var(--fill));background-repeat:no-repeat;background-size:var(--part) 100%;--fill:var(--accent);--part:0}
[dir=rtl] .strength::before{background-position:right}
.strength[data-score="0"]::before{--part:12%;--fill:var(--problem)}
.strength[data-score="1"]::before{--part:30%;--fill:var(--problem)}
.strength[data-score="2"]::before{--part:55%}
.strength[data-score="3"]::before{--part:80%}
.strength[data-score="4"]::before{--part:100%}
.problem{margin:0 0 .5rem;color:var(--problem);font-weight:600}
.summary{margin:0 0 1.25rem;padding:.75rem 1rem;border:2px solid var(--problem);border-radius:.5rem}
.summary h2{margin:0 0 .25rem;font-size:1rem}
.summary ul{margin:0;padding:0;list-style:none}
.summary a{color:var(--problem);font-weight:600;display:inline-block;padding-block:.125rem}
.notice{margin:0 0 1.25rem;padding:.75rem 1rem;border-inline-start:4px solid var(--accent);background:var(--surround);border-radius:.25rem}
.shown{margin:0 0 1.25rem;padding:.75rem 1rem;background:var(--surround);border-radius:.5rem}
.shown strong{font:600 1.5rem/1.4 ui-monospace,Menlo,Consolas,monospace;letter-spacing:.2em;display:block}
[dir=rtl] .shown strong{text-align:end}
.shown .secret{letter-spacing:.05em;user-select:all}
.qr{display:block;inline-size:100%;max-inline-size:15rem;margin:0 auto 1.25rem;background:#fff;border-radius:.5rem}
.mark{margin-inline-start:.5rem;padding:.125rem .5rem;font-size:.875rem;color:var(--accent);border:1px solid;border-radius:1rem}
.codes{display:grid;grid-template-columns:repeat(auto-fill,minmax(12.5rem,1fr));gap:.5rem 1.5rem;margin:0 0 1.25rem;padding:1rem 1rem 1rem 2.75rem;background:var(--surround);border-radius:.5rem;font:600 1.0625rem/1.5 ui-monospace,Menlo,Consolas,monospace}
.codes li{margin:0}
.aside{margin:1.5rem 0 0;padding-block-start:1.25rem;border-block-start:1px solid color-mix(in srgb,var(--border) 40%,transparent)}
.aside form{margin:0}
.aside h2:first-child{margin-block-start:0}
.after{margin:1.25rem 0 0}
.after a,.links a{display:inline-block;padding-block:.25rem}
.done{position:relative;inline-size:3rem;block-size:3rem;margin:0 0 1rem;border-radius:50%;background:var(--accent)}
.done::after{content:"";position:absolute;inset:.75rem 1.125rem 1rem;border:solid var(--accentText);border-width:0 .2rem .2rem 0;transform:rotate(45deg)}
.languages{position:relative}
.languages summary::-webkit-details-marker{display:none}
.languages summary::after{content:"";display:inline-block;inline-size:.4rem;block-size:.4rem;margin-inline-start:.6rem;border:solid;border-width:0 2px 2px 0;transform:translateY(-.15rem) rotate(45deg)}
.languages summary{list-style:none;padding:.375rem .75rem;min-block-size:2.25rem;border:1px solid var(--border);border-radius:.5rem;cursor:pointer;font-size:.9375rem}
.languages ul{position:absolute;inset-inline-end:0;z-index:1;min-inline-size:100%;margin:.25rem 0 0;padding:.25rem;list-style:none;background:var(--background);border:1px solid var(--border);border-radius:.5rem}
.languages li{margin:0}
.languages a{display:block;padding:.5rem .75rem;border-radius:.25rem;text-decoration:none}
.languages a[aria-current]{font-weight:700;background:var(--surround)}
footer{inline-size:100%;max-inline-size:60rem;margin-inline:auto;padding:0 1rem 2rem;color:var(--quietText);font-size:.9375rem;text-align:center}
footer p{margin:0 0 .25rem}
.records{margin:0 0 1.25rem;padding:0;list-style:none}
.records li{margin:0;padding-block:1rem;border-block-end:1px solid color-mix(in srgb,var(--border) 40%,transparent);overflow-wrap:anywhere}
.records form{margin-block-start:.75rem}
.links{display:flex;flex-wrap:wrap;justify-content:center;gap:.25rem 1.25rem;margin:0;padding:0;list-style:none}
.aloud{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (min-width:40rem){.column{padding-block-start:3rem}main{padding:2rem}h1{font-size:1.75rem}}
@media (prefers-reduced-motion:no-preference){button,.button{transition:filter .15s}.strength::before{transition:background-size .2s}}
@media print{:root{color-scheme:light}.languages,footer,form,.after{display:none}.bar,body,.codes,main{color:#000;background:none}main{border:0;padding:0}}
@media (forced-colors:active){main{border:1px solid}button,.button{border:2px solid}}
`

/** The stylesheet of every page, in the theme's colours and font. */
export const createStylesheet = ({ file }: Theme, font: Asset | undefined): Asset => {
  const [light, dark] = modes.map((mode) => variables(paletteOf(file.colors, mode)))
  const face = font
    ? `@font-face{font-family:theme;src:url(${font.path}) format("woff2");font-weight:100 900;font-display:swap}\n`
    : ''
  const family = font ? `theme,${systemFonts}` : systemFonts
  return createAsset(
    'css',
    'text/css; charset=utf-8',
    `${face}:root{color-scheme:light dark;--font:${family};${light}}
@media (prefers-color-scheme:dark){:root{${dark}}}
${rules}`,
  )
}

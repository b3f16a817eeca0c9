import { createHash } from 'node:crypto'

/** One stylesheet for all pages. Its path contains a digest of it, so browsers may cache it forever. */
export const stylesheet = `:root { color-scheme: light dark; --paper: #fff; --around: #f2f3f5; --ink: #1b1d22; --quiet: #565b66; --line: #868c98; --act: #1746a2; --on-act: #fff; --wrong: #a31621 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181d; --around: #0d0e11; --ink: #eceef2; --quiet: #a9afbb; --line: #6f7683; --act: #9dbdff; --on-act: #0d1524; --wrong: #ff9a9f }
}
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100% }
body { margin: 0; background: var(--around); color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; overflow-wrap: anywhere }
.page { max-width: 30rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
.brand { margin: 0 0 1rem; font-weight: 700 }
main { background: var(--paper); border-radius: .75rem; padding: 1.5rem 1.25rem }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; text-wrap: balance }
p { margin: 0 0 1rem }
ul { margin: 0 0 1rem; padding-left: 1.25rem }
form { margin: 1.5rem 0 0 }
label { display: block; font-weight: 600; margin: 0 0 .25rem }
.hint { margin: 0 0 .5rem; color: var(--quiet); font-size: .9375rem }
/* Phones zoom into fields of less than 16 px. */
input { display: block; width: 100%; min-height: 3rem; margin: 0 0 1.25rem; padding: .5rem .75rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem }
input[hidden] { display: none }
input.code { font: 600 1.375rem/1.4 ui-monospace, Menlo, Consolas, monospace; letter-spacing: .15em }
input[aria-invalid] { border: 2px solid var(--wrong) }
button { display: block; width: 100%; min-height: 3rem; padding: .625rem 1rem; font: inherit; font-weight: 600; color: var(--on-act); background: var(--act); border: 2px solid var(--act); border-radius: .5rem; cursor: pointer }
button.second { color: var(--act); background: transparent }
a { color: var(--act) }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px }
.problem { margin: 0 0 .5rem; color: var(--wrong); font-weight: 600 }
.notice { margin: 0 0 1rem; padding: .75rem 1rem; border: 2px solid currentcolor; border-radius: .5rem }
.shown { margin: 0 0 1.25rem; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem }
.shown strong { font: 600 1.375rem/1.4 ui-monospace, Menlo, Consolas, monospace; letter-spacing: .15em; display: block }
.aside { margin: 1.5rem 0 0; padding-top: 1.5rem; border-top: 1px solid var(--line) }
.aside form { margin: 0 }
.after { margin: 1.25rem 0 0 }
@media (min-width: 40rem) { .page { padding-top: 4rem } main { padding: 2rem } }
@media (forced-colors: active) { main { border: 1px solid } }
`

export const stylesheetPath = `/pages/${createHash('sha256').update(stylesheet).digest('hex').slice(0, 16)}.css`

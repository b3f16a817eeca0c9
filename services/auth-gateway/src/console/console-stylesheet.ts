/** The console's rules besides those of every page. Logical properties only, as there. */
export const rules = `.desk{background:var(--background);border-block-end:1px solid color-mix(in srgb,var(--border) 35%,transparent)}
.desk>div{max-inline-size:60rem;margin-inline:auto;padding:0 1rem;display:flex;flex-wrap:wrap;gap:0 1.5rem;align-items:center;justify-content:space-between}
.desk ul{display:flex;flex-wrap:wrap;gap:0 0.25rem;margin:0;padding:0;list-style:none}
.desk li{margin:0}
.desk li a{display:block;padding:0.75rem;color:inherit;text-decoration:none;border-block-end:3px solid transparent}
.desk li a:hover{text-decoration:underline}
.desk li a[aria-current]{font-weight:700;border-block-end-color:var(--accent)}
.desk form{margin:0;display:flex;flex-wrap:wrap;gap:0 0.75rem;align-items:center;font-size:0.9375rem;color:var(--quietText)}
button.plain{inline-size:auto;min-block-size:2.5rem;padding:0.25rem 0.75rem;font-size:0.9375rem;color:var(--accent);background:transparent;border:1px solid var(--border)}
.column{padding-block-start:1.5rem}
.wide main{background:transparent;border:0;padding:0}
.wide main>form,.wide section,.state>.facts,.wide main>.facts,.wide main>div>.facts,.wide main>.entries{background:var(--background);border:1px solid color-mix(in srgb,var(--border) 30%,transparent);border-radius:0.75rem;padding:1rem 1.25rem}
.wide main>form{max-inline-size:34rem;padding:1.25rem;margin:0}
.wide main .button{max-inline-size:24rem}
.wide section{margin:0 0 1.25rem}
.wide main>form+section{margin-block-start:1.25rem}
.wide section>h2:first-child{margin-block-start:0}
.wide section>:last-child{margin-block-end:0}
.words{margin:0 0 1rem;font-size:2rem;font-weight:700;line-height:1.25}
.back{margin:0 0 0.5rem}
.quiet,.none{color:var(--quietText)}
.desk-columns{display:grid;gap:1.25rem}
.desk-columns h2{margin-block:0 0.75rem}
.state .facts{margin:0}
.acts ul{list-style:none;margin:0;padding:0;display:grid;gap:0.5rem}
.acts li{margin:0}
.button.second{background:var(--background)}
.button.danger{color:var(--problem);border-color:var(--problem)}
.facts{margin:0 0 1.25rem}
.facts>div{padding-block:0.5rem;border-block-end:1px solid color-mix(in srgb,var(--border) 25%,transparent)}
.facts>div:last-child{border:0;padding-block-end:0}
.facts dt{color:var(--quietText);font-size:0.9375rem}
.facts dd{margin:0}
.entries{list-style:none;margin:0 0 1.25rem;padding:0}
.entries li{margin:0;padding-block:0.75rem;border-block-end:1px solid color-mix(in srgb,var(--border) 25%,transparent)}
.entries li:first-child,.facts>div:first-child{padding-block-start:0}
.entries li:last-child{border:0;padding-block-end:0}
.entries p{margin:0}
.entries .title{font-weight:600}
.badge{display:inline-block;padding:0 0.5rem;font-size:0.875rem;font-weight:600;border:1px solid currentcolor;border-radius:1rem;white-space:nowrap}
.badge.bad{color:var(--problem)}
.badge.open{color:var(--accent)}
.badge.good{color:var(--quietText)}
fieldset{margin:0 0 1.25rem;padding:0;border:0;min-inline-size:0}
legend{padding:0;margin:0 0 .25rem;font-weight:600}
.choice{display:flex;gap:.75rem;align-items:center;min-block-size:2.75rem;margin:0;font-weight:400}
.choice input{flex:none}
form>.choice{margin-block-end:1.25rem}
.pager{display:flex;flex-wrap:wrap;gap:0.25rem 1.25rem;align-items:baseline}
.pager p{margin:0;color:var(--quietText)}
.pager a{padding-block:0.5rem}
progress{inline-size:100%;block-size:0.75rem;accent-color:var(--accent)}
main:not(.wide *) .facts{margin-block-end:1.25rem}
@media (min-width:48rem){
.desk-columns{grid-template-columns:minmax(0,1fr) 16rem;align-items:start}
.acts{grid-column:2;grid-row:1/span 2}
.wide .facts>div{display:grid;grid-template-columns:12rem minmax(0,1fr);gap:1rem}
}
`

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { launchBrowser } from '@rekey/test-support/browser'

const [dir = '', out = '', cols = '6', width = '250', ...filter] = process.argv.slice(2)
const closers: (() => unknown)[] = []
const browser = await launchBrowser({ teardown: (w: () => unknown) => void closers.push(w) } as never)
const page = await browser.newPage({ viewport: { width: Number(cols) * (Number(width) + 10), height: 800 } })
const files = readdirSync(dir).filter((f) => filter.length === 0 || filter.some((x) => f.includes(x)))
await page.setContent(
  `<body style="margin:0;display:grid;grid-template-columns:repeat(${cols},1fr);gap:6px;background:#888;align-items:start">${files.map((f) => `<img style="width:100%" src="data:image/png;base64,${readFileSync(`${dir}/${f}`).toString('base64')}">`).join('')}</body>`,
)
writeFileSync(out, await page.screenshot({ fullPage: true }))
for (const c of closers) await c()

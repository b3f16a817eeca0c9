import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

interface Figure {
  total: number
  covered: number
}
type Figures = Record<'lines' | 'branches', Figure>

const root = join(import.meta.dirname, '../..')
const reportPath = join(root, '.tap/report/coverage-summary.json')

/** The folder of a feature: services/notifier/src/code, packages/platform/src, scripts/start. */
const folderOf = (path: string) => {
  const folders = relative(root, path).split('/').slice(0, -1)
  return folders.slice(0, folders[2] === 'src' ? 4 : 2).join('/')
}

const percent = ({ total, covered }: Figure) => (total ? `${((100 * covered) / total).toFixed(1)} %` : '-').padStart(8)

/** One line for each folder: the share of its lines and branches that the tests executed. */
export const coverageTable = (report: Record<string, Figures>): string => {
  const folders = new Map<string, Figures>()
  for (const [path, figures] of Object.entries(report)) {
    const name = path === 'total' ? 'all' : folderOf(path)
    const sum = folders.get(name) ?? { lines: { total: 0, covered: 0 }, branches: { total: 0, covered: 0 } }
    for (const kind of ['lines', 'branches'] as const) {
      sum[kind].total += figures[kind].total
      sum[kind].covered += figures[kind].covered
    }
    folders.set(name, sum)
  }
  const rows = [...folders].toSorted(([a], [b]) => (a === 'all' ? 1 : b === 'all' ? -1 : a < b ? -1 : 1))
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    `${'folder'.padEnd(width)}   lines  branches`,
    ...rows.map(([name, { lines, branches }]) => `${name.padEnd(width)}${percent(lines)}  ${percent(branches)}`),
  ].join('\n')
}

/** Reads what tap measured in the last run. */
export const readCoverage = (): string => coverageTable(JSON.parse(readFileSync(reportPath, 'utf8')))

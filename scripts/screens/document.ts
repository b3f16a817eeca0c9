import type { Chapter, Picture } from './camera.ts'

const phonesInRow = 3

const introduction = `# Screens

Four stories of second factors, as customers and staff see them. \`npm run screens\` plays them in a sandbox of its own, in a browser, and writes this page and its pictures: do not edit it by hand. Times, codes and words differ from run to run.`

const imageOf = ({ file, alt }: Picture) => `![${alt.replaceAll(/[[\]|]/g, '')}](screens/${file})`
const row = (cells: string[]) => `| ${cells.join(' | ')} |`

/** Pictures of equal width side by side, each under its sentence. */
const tableOf = (pictures: Picture[]) =>
  [
    row(pictures.map(({ file, sentence }) => `${Number.parseInt(file, 10)}. ${sentence}`)),
    row(pictures.map(() => '---')),
    row(pictures.map(imageOf)),
  ].join('\n')

/** Divides pictures into rows, in their order: phones side by side, a desk alone. */
const rowsOf = (pictures: Picture[]) =>
  pictures.reduce<Picture[][]>((rows, picture) => {
    const last = rows.at(-1)
    const fits = last && last.length < phonesInRow && !picture.isWide && !last.some(({ isWide }) => isWide)
    if (fits) last.push(picture)
    else rows.push([picture])
    return rows
  }, [])

/** The page that shows the pictures of each story. */
export const toDocument = (chapters: readonly Chapter[]): string => {
  const sections = chapters.map(
    ({ title, pictures }, index) => `## ${index + 1}. ${title}\n\n${rowsOf(pictures).map(tableOf).join('\n\n')}`,
  )
  return `${[introduction, ...sections].join('\n\n')}\n`
}

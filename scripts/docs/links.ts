import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'

/** Markdown without blocks of code and code within lines, in which brackets are no links. */
const withoutCode = (text: string): string =>
  text
    .replace(/^(```|~~~)[\s\S]*?^\1/gm, '')
    .replace(/(`+)[^`\n](?:.*?[^`\n])?\1(?!`)/g, (code) => code.replaceAll(/[[\]()<>]/g, ' '))

/** The anchor that GitHub makes of a heading. */
const slugOf = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-')

/** The anchors of a page: its headings, those given more than once with a number, and elements with an id. */
export const anchorsOf = (text: string): Set<string> => {
  const anchors = new Set<string>()
  const seen = new Map<string, number>()
  for (const [, heading = ''] of text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const slug = slugOf(heading)
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  for (const [, id = ''] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id)
  return anchors
}

const targetsOf = (text: string): string[] =>
  [...withoutCode(text).matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map(([, target = '']) => target)

/**
 * Finds the links of a page that lead nowhere: to no file of the repository, or to no heading of a page. Links to other
 * sites are not followed.
 *
 * @returns a sentence for each
 */
export const brokenLinks = (root: string, path: string): string[] =>
  targetsOf(readFileSync(resolve(root, path), 'utf8')).flatMap((target) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return []
    const [file = '', anchor] = target.split('#')
    const to = file === '' ? resolve(root, path) : resolve(root, dirname(path), decodeURI(file))
    const broken = (why: string) => [`${path} links to ${target}: ${why}.`]
    if (relative(root, to).startsWith('..')) return broken('it is outside the repository')
    if (!existsSync(to)) return broken('there is no such file')
    if (anchor === undefined) return []
    if (statSync(to).isDirectory() || !to.endsWith('.md'))
      return /^L\d+/.test(anchor) ? [] : broken('it has no headings')
    return anchorsOf(readFileSync(to, 'utf8')).has(anchor) ? [] : broken('there is no such heading')
  })

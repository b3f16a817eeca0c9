import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from '@swc/core'
import t from 'tap'

const root = join(import.meta.dirname, '../../../..')

/** Pages for developers, in English as the documents that they lead to. */
const forDevelopers = /\/(front-page|api-documents)\//

/** Files whose texts customers and staff see in a browser. */
const templates = [
  'services/*/src/**/*.template.ts',
  'services/auth-gateway/src/layout/{renderer,form,error-pages}.ts',
  'services/auth-gateway/src/pages/{outcome-texts,return-to}.ts',
  'services/auth-gateway/src/console/{*.page,*-entry,*-facts,elements,error-pages,navigation,subject}.ts',
]
  .flatMap((pattern) => globSync(pattern, { cwd: root }))
  .filter((path) => !forDevelopers.test(path))

interface Node {
  type?: string
  value?: unknown
  tag?: { type: string; value?: string }
  template?: { quasis: { raw: string }[] }
  quasis?: { raw: string }[]
}

/** In the place of a value. */
const hole = '\u0000'
const letters = /\p{L}/u
/** Attributes that are read out or shown. */
const spoken = /\s(?:title|alt|aria-label|placeholder|value)="([^"]*\p{L}[^"]*)"/gu

/** True for a part of a tag: attributes without the tag. */
const isPartOfTag = (html: string) => !html.includes('<') && /(^|\s)[\w-]+="/.test(html)

/** Words between the tags of HTML, and in attributes that people read. */
const wordsIn = (html: string): string[] => [
  ...[...html.matchAll(spoken)].map(([, value = '']) => value),
  ...(isPartOfTag(html) ? '' : html)
    .replaceAll(/<!--.*?-->/gs, hole)
    .replaceAll(/<[^>]*>/g, hole)
    .replaceAll(/&#?\w+;/g, hole)
    .split(hole)
    .filter((text) => letters.test(text)),
]

/** Texts of people in a source file: any words of HTML, and any literal that is a sentence. */
const sentencesIn = (source: string): string[] => {
  const found: string[] = []
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const one of node) visit(one)
    if (Array.isArray(node) || typeof node !== 'object' || node === null) return
    const { type, value, tag, template, quasis } = node as Node
    if (type === 'ImportDeclaration' || type === 'TsLiteralType') return
    if (type === 'TaggedTemplateExpression' && tag?.value === 'html') {
      found.push(...wordsIn(template?.quasis.map(({ raw }) => raw).join(hole) ?? ''))
    } else if (type === 'TemplateLiteral' || type === 'StringLiteral') {
      const text = type === 'StringLiteral' ? String(value) : (quasis ?? []).map(({ raw }) => raw).join(hole)
      if (/\p{L}[,:]? \p{L}/u.test(text)) found.push(...wordsIn(text))
    }
    for (const [key, child] of Object.entries(node)) if (key !== 'template' || tag?.value !== 'html') visit(child)
    if (tag?.value === 'html') visit((template as { expressions?: unknown } | undefined)?.expressions)
  }
  visit(parseSync(source, { syntax: 'typescript' }).body)
  return found.map((text) => text.trim())
}

t.test('every sentence of a page comes from a catalogue', async (t) => {
  t.ok(templates.length >= 6, templates.join())
  for (const path of templates) t.same(sentencesIn(readFileSync(join(root, path), 'utf8')), [], path)
})

t.test('a sentence in a template is found', async (t) => {
  // `%` is `$`: the linter would take the sources for templates.
  const sources: [string, string[]][] = [
    ['html`<button>Continue</button>`', ['Continue']],
    ['html`<p class="hint second">%{x}</p>`', []],
    ['html`<p>%{name} is here</p>`', ['is here']],
    ['html`<img alt="Our logo">`', ['Our logo']],
    ["const title = 'Set a password'", ['Set a password']],
    ["const key = 'start.title'", []],
    ['html`%{list.map((x) => html`<li>one %{x}</li>`)}`', ['one']],
    ['html` data-score="%{score}" required`', []],
    ['html`<!-- a remark -->`', []],
    ["import x from 'a b'", []],
  ]
  for (const [source, sentences] of sources) t.same(sentencesIn(source.replaceAll('%', '$')), sentences, source)
})

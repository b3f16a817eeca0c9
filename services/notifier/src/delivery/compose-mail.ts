import { html } from 'ghtml'
import type { Mail } from './smtp.ts'

/** Alone on a line, after its label. A prominent one is what the mail is for: a code, a password. */
interface Fact {
  label: string
  value: string
  prominent?: boolean
}

/** Something to press, whose label says what it does. */
interface Link {
  label: string
  url: string
}

/** A string is a paragraph. */
export type Block = string | Fact | Link

interface Content {
  brand: string
  /** A whole sentence without its full stop, also the subject: no secret stands in it. */
  title: string
  blocks: Block[]
}

const footer = 'This message was sent automatically. Answers to it are not read.'

/** `Your code` as it reads after `Rekey: `. */
export const afterBrand = (title: string): string => `${title.charAt(0).toLowerCase()}${title.slice(1)}`

const toTextBlock = (block: Block): string => {
  if (typeof block === 'string') return block
  return `${block.label}: ${'url' in block ? block.url : block.value}`
}

const toText = ({ brand, title, blocks }: Content): string =>
  [title, ...blocks.map(toTextBlock), `${brand}. ${footer}`].map((block) => `${block}\n`).join('\n')

const toHtmlBlock = (block: Block): string => {
  if (typeof block === 'string') return html`<p style="margin:16px 0">${block}</p>`
  if ('url' in block) {
    return html`<p style="margin:24px 0"><a href="${block.url}" style="display:inline-block;padding:12px 20px;border:2px solid;border-radius:8px;color:inherit;font-weight:bold;text-decoration:none">${block.label}</a></p>`
  }
  const { label, value, prominent } = block
  if (!prominent) return html`<p style="margin:16px 0">${label}: <strong>${value}</strong></p>`
  // A password is longer than a code, and should stay on one line of a phone all the same.
  const fontSize = value.length > 12 ? '20px' : '26px'
  return html`<p style="margin:24px 0;padding:16px;border:2px solid;border-radius:8px;text-align:center">
<span style="display:block;font-size:14px">${label}</span>
<strong style="display:block;margin-top:4px;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:${fontSize};line-height:34px;white-space:pre-wrap">${value}</strong>
</p>`
}

// It asks for nothing from elsewhere, and sets no colours: every mail program shows it in its own, light or dark.
const toHtml = ({ brand, title, blocks }: Content): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<!-- Phones must not make links of codes, times and addresses. -->
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
<title>${title}</title>
</head>
<body style="margin:0;padding:0">
<div role="article" lang="en" style="max-width:520px;margin:0 auto;padding:24px 20px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:24px;overflow-wrap:anywhere">
<p style="margin:0 0 24px;font-weight:bold">${brand}</p>
<h1 style="margin:0 0 16px;font-size:24px;line-height:32px">${title}</h1>
!${blocks.map(toHtmlBlock).join('\n')}
<p style="margin:32px 0 0;padding-top:16px;border-top:1px solid;font-size:14px;line-height:20px">${footer}</p>
</div>
</body>
</html>
`

/** A mail as text and as HTML, from one list of blocks. */
export const composeMail = (content: Content): Mail => ({
  subject: `${content.brand}: ${afterBrand(content.title)}`,
  text: toText(content),
  html: toHtml(content),
})

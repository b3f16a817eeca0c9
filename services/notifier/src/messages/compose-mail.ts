import { html } from 'ghtml'
import type { Mail } from '../channels/smtp.ts'
import { footer } from './footer.en.ts'

/** A value on a line of its own, after its label. A prominent one is the purpose of the mail: a code, a password. */
interface Value {
  label: string
  value: string
  prominent?: boolean
}

/** A link, shown as a button. The label states what it does. */
interface Link {
  label: string
  url: string
}

/** A string is a paragraph. */
export type Block = string | Value | Link

interface Content {
  brand: string
  /** A sentence without its full stop; also the subject, so it must not contain a secret. */
  title: string
  blocks: Block[]
}

/** The title after `Rekey: `: `your code`. */
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
  // A password is longer than a code, but must fit on one line of a phone.
  const fontSize = value.length > 12 ? '20px' : '26px'
  return html`<p style="margin:24px 0;padding:16px;border:2px solid;border-radius:8px;text-align:center">
<span style="display:block;font-size:14px">${label}</span>
<strong style="display:block;margin-top:4px;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:${fontSize};line-height:34px;white-space:pre-wrap">${value}</strong>
</p>`
}

// No external resources, and no colours: mail programs use their own, light or dark.
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

/** Renders a mail as text and as HTML from one list of blocks. */
export const composeMail = (content: Content): Mail => ({
  subject: `${content.brand}: ${afterBrand(content.title)}`,
  text: toText(content),
  html: toHtml(content),
})

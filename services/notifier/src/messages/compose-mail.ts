import { html } from 'ghtml'
import type { Mail } from '../channels/mime.ts'
import type { Colors, Presentation } from './presentation.ts'

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
  /** After the platform's name. Locked screens show it and mail logs keep it, so it must not contain a secret. */
  subject: string
  title: string
  blocks: Block[]
  /** Replaces the sentence that the staff never ask for a code. */
  neverAsks?: string
}

const toTextBlock = (block: Block): string => {
  if (typeof block === 'string') return block
  return `${block.label}: ${'url' in block ? block.url : block.value}`
}

/** Sentences below every mail. */
const footerOf = ({ t, brand, contact }: Presentation, { neverAsks }: Content) => [
  neverAsks ?? t('common.never_asks', { brand }),
  t('common.questions', { contact }),
  t('common.automatic'),
]

const toText = (presentation: Presentation, content: Content): string =>
  [
    content.title,
    ...content.blocks.map(toTextBlock),
    footerOf(presentation, content).join('\n'),
    ...presentation.links.map(toTextBlock),
  ]
    .map((block) => `${block}\n`)
    .join('\n')

/** Values are read from left to right in every language: codes, addresses, numbers. */
const ltr = 'dir="ltr"'

const toHtmlBlock = ({ colors: { light } }: Presentation, block: Block): string => {
  if (typeof block === 'string') return html`<p style="margin:16px 0">${block}</p>`
  if ('url' in block) {
    return html`<p style="margin:24px 0"><a class="button" href="${block.url}" style="display:inline-block;padding:12px 24px;border-radius:8px;background:${light.accent};color:${light.accentText};font-weight:bold;text-decoration:none">${block.label}</a></p>`
  }
  const { label, value, prominent } = block
  if (!prominent) return html`<p style="margin:16px 0">${label}: <strong><bdi>${value}</bdi></strong></p>`
  // A password is longer than a code, but must fit on one line of a phone.
  const fontSize = value.length > 12 ? '20px' : '26px'
  return html`<p style="margin:24px 0;padding:16px;border:2px solid;border-radius:8px;text-align:center">
<span style="display:block;font-size:14px">${label}</span>
<strong !${ltr} style="display:block;margin-top:4px;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:${fontSize};line-height:34px;white-space:pre-wrap">${value}</strong>
</p>`
}

/** The logo is named by its Content-ID (RFC 2392). */
const logoId = 'logo@rekey'

// The mail loads nothing: a remote image would report to its server when and where the mail was read, and mail programs
// hide it until the reader agrees. The logo is part of the mail.
const toHtmlBrand = ({ logo, brand }: Presentation): string =>
  logo
    ? html`<img src="cid:${logoId}" alt="${brand}" height="40" style="display:block;height:40px;max-width:100%;border:0;font-size:18px;font-weight:bold">`
    : html`<strong style="font-size:18px">${brand}</strong>`

const toHtmlLinks = (links: Presentation['links']): string =>
  links.length === 0
    ? ''
    : html`<p style="margin:8px 0 0">!${links
        .map(({ label, url }) => html`<a href="${url}" style="color:inherit">${label}</a>`)
        .join(' · ')}</p>`

/** Mail programs that read it turn dark with the device; the others show the colours of the attributes. */
const darkStyle = ({ accent, accentText, background, text }: Colors): string =>
  `:root{color-scheme:light dark}@media (prefers-color-scheme:dark){.page{background:${background}!important;color:${text}!important}.button{background:${accent}!important;color:${accentText}!important}}`

const toHtml = (presentation: Presentation, content: Content): string => {
  const { title, blocks } = content
  const { language, direction, colors, links } = presentation
  const place = html`lang="${language}" dir="${direction}"`
  const { background, text } = colors.light
  return html`<!doctype html>
<html !${place}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<!-- Phones must not make links of codes, times and addresses. -->
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
<title>${title}</title>
<style>!${darkStyle(colors.dark)}</style>
</head>
<body class="page" style="margin:0;padding:0;background:${background};color:${text}">
<div role="article" !${place} style="max-width:520px;margin:0 auto;padding:24px 20px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:24px;overflow-wrap:anywhere">
<div style="margin:0 0 24px">!${toHtmlBrand(presentation)}</div>
<h1 style="margin:0 0 16px;font-size:24px;line-height:32px">${title}</h1>
!${blocks.map((block) => toHtmlBlock(presentation, block)).join('\n')}
<div style="margin:32px 0 0;padding-top:16px;border-top:1px solid;font-size:14px;line-height:20px">
!${footerOf(presentation, content)
    .map((sentence) => html`<p style="margin:0 0 4px">${sentence}</p>`)
    .join('\n')}
!${toHtmlLinks(links)}
</div>
</div>
</body>
</html>
`
}

/** Renders a mail as text and as HTML from one list of blocks. */
export const composeMail = (presentation: Presentation, content: Content): Mail => {
  const { brand, logo } = presentation
  return {
    subject: `${brand}: ${content.subject}`,
    text: toText(presentation, content),
    html: toHtml(presentation, content),
    ...(logo && { attachments: [{ cid: logoId, ...logo }] }),
  }
}

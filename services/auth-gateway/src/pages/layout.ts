import { html } from 'ghtml'
import { stylesheetPath } from './stylesheet.ts'

/** One page. Templates escape every value, except after `!$`, where it is HTML of our own. */
export interface Page {
  title: string
  /** HTML. */
  body: string
}

/** A whole document, without scripts or content of other origins (S34). */
export const renderPage = (brand: string, { title, body }: Page): string => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · ${brand}</title>
<link rel="stylesheet" href="${stylesheetPath}">
</head>
<body>
<div class="page">
<p class="brand">${brand}</p>
<main>
<h1>${title}</h1>
!${body}
</main>
</div>
</body>
</html>
`

const paragraph = (text: string): string => html`<p>${text}</p>`

/** A page of text without a form. */
export const textPage = (title: string, ...paragraphs: string[]): Page => ({
  title,
  body: paragraphs.map(paragraph).join('\n'),
})

/** Hidden fields carry the state of the next step, so that the pages need no cookie. */
export const hidden = (fields: Record<string, string>): string =>
  Object.entries(fields)
    .map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)
    .join('')

interface Field {
  name: string
  label: string
  hint?: string
  /** The error of the input. */
  problem?: string | undefined
  /** HTML: further attributes of the input. */
  attributes: string
  /** Gets the focus when the page opens. */
  focused?: boolean
}

/** A labelled input; `aria-describedby` ties its hint and its error to it for screen readers. */
export const field = ({ name, label, hint, problem, attributes, focused = false }: Field): string => {
  const describedBy = [...(problem ? [`${name}-problem`] : []), ...(hint ? [`${name}-hint`] : [])].join(' ')
  return html`<label for="${name}">${label}</label>
!${hint ? html`<p class="hint" id="${name}-hint">${hint}</p>` : ''}
!${problem ? html`<p class="problem" id="${name}-problem" role="alert">${problem}</p>` : ''}
<input id="${name}" name="${name}" required !${attributes}!${describedBy ? html` aria-describedby="${describedBy}"` : ''}!${problem ? ' aria-invalid="true"' : ''}!${focused ? ' autofocus' : ''}>`
}

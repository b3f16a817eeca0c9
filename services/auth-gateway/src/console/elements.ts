import type { PageLanguage } from '@rekey/texts'
import { html } from 'ghtml'
import type { StaffTexts } from './staff-texts.ts'

// HTML that several pages of the console use.

const zone = 'UTC'

/** A time of the API: in UTC, which all members of staff share, as the records and the log have it. */
export const timeOf = (language: PageLanguage, time: string): string => {
  const format = new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'medium',
    timeZone: zone,
    hourCycle: 'h23',
  })
  return html`<time datetime="${time}">${format.format(new Date(time))} ${zone}</time>`
}

/** The day of a time of the API, in UTC. */
export const dayOf = (language: PageLanguage, time: string): string => {
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: zone })
  return html`<time datetime="${time}">${format.format(new Date(time))}</time>`
}

/** Label and value; a value is HTML. */
export type Fact = [label: string, value: string]

/** A list of facts. Facts without a value are left out. */
export const facts = (list: (Fact | undefined)[]): string => html`<dl class="facts">
!${list.flatMap((fact) => (fact ? [html`<div><dt>${fact[0]}</dt><dd>!${fact[1]}</dd></div>`] : [])).join('\n')}
</dl>`

/** A state in one or two words. */
export const badge = (text: string, kind: 'good' | 'bad' | 'open'): string =>
  html`<span class="badge ${kind}">${text}</span>`

export interface Entry {
  /** HTML. */
  title: string
  /** HTML. */
  badge?: string
  /** HTML, a line each. */
  lines: string[]
}

/** A list of records, newest first, or a sentence if there is none. */
export const entries = (list: Entry[], none: string): string =>
  list.length === 0
    ? html`<p class="none">${none}</p>`
    : html`<ul class="entries">
!${list
        .map(
          ({ title, badge = '', lines }) => html`<li><p class="title">!${title} !${badge}</p>
!${lines.map((line) => html`<p>!${line}</p>`).join('\n')}</li>`,
        )
        .join('\n')}
</ul>`

export const pageSize = 20

interface Paging {
  t: StaffTexts
  path: string
  offset: number
  total: number
}

/** Links to the records before and after these. */
export const pager = ({ t, path, offset, total }: Paging): string => {
  if (total <= pageSize && offset === 0) return ''
  const to = Math.min(offset + pageSize, total)
  const link = (at: number, text: string, rel: string) => html`<a href="${path}?offset=${at}" rel="${rel}">${text}</a>`
  return html`<nav class="pager" aria-label="${t('pager.label')}">
<p>${t('pager.shown', { from: Math.min(offset + 1, total), to, total })}</p>
!${offset > 0 ? link(Math.max(0, offset - pageSize), t('pager.newer'), 'prev') : ''}
!${to < total ? link(to, t('pager.older'), 'next') : ''}
</nav>`
}

/** A paragraph. */
export const paragraph = (text: string): string => html`<p>${text}</p>`

/** A link back, above the title's content. */
export const backLink = (path: string, text: string): string => html`<p class="back"><a href="${path}">${text}</a></p>`

import { direction, languageNames, languages, localized, type Theme } from '@rekey/texts'
import { html } from 'ghtml'
import { errorSummary } from './form.ts'
import type { ThemeAssets } from './theme-assets.ts'
import type { Page, View } from './view.ts'

interface Options {
  theme: Theme
  /** Paths of the files that every page loads. */
  paths: { stylesheet: string; script: string; favicon: string }
  themeAssets: ThemeAssets
}

/** The address with another language; the rest of it stays. */
const addressIn = (address: string, language: string): string => {
  const [path, query] = address.split('?', 2)
  const parameters = new URLSearchParams(query)
  parameters.set('lang', language)
  return `${path}?${parameters}`
}

const languageSwitch = ({ t, language, address }: View): string => html`<details class="languages">
<summary><span class="aloud">${t('language.switch')}: </span>${language in languageNames ? languageNames[language as keyof typeof languageNames] : language}</summary>
<ul>
!${languages
  .map(
    (one) =>
      html`<li><a href="${addressIn(address, one)}" lang="${one}" hreflang="${one}"!${one === language ? ' aria-current="true"' : ''}>${languageNames[one]}</a></li>`,
  )
  .join('\n')}
</ul>
</details>`

const phone = /^\+?[\d\s().-]{3,}$/

/** A phone number can be pressed; digits run from left to right in every script. */
export const contactLink = (contact: string): string =>
  phone.test(contact)
    ? html`<a href="tel:${contact.replaceAll(/[^+\d]/g, '')}" dir="ltr">${contact}</a>`
    : html`<bdi>${contact}</bdi>`

const link = (url: string | undefined, text: string): string =>
  url === undefined ? '' : html`<li><a href="${url}">${text}</a></li>`

/** Renders whole documents, without inline scripts or styles and without content of other origins (S34). */
export const createRenderer = ({ theme, paths, themeAssets }: Options) => {
  const { logo, logoDark } = themeAssets
  const brandOf = ({ brand }: View): string => {
    if (!logo) return html`<p class="brand">${brand}</p>`
    const image = html`<img src="${logo.path}" alt="${brand}">`
    return logoDark
      ? html`<p class="brand"><picture><source srcset="${logoDark.path}" media="(prefers-color-scheme: dark)">!${image}</picture></p>`
      : html`<p class="brand">!${image}</p>`
  }

  const footer = ({ t, language, contact }: View): string => {
    const links = [
      link(localized(theme.file.helpUrl, language), t('footer.help')),
      link(localized(theme.file.privacyUrl, language), t('footer.privacy')),
      link(localized(theme.file.imprintUrl, language), t('footer.imprint')),
    ].join('')
    return html`<footer>
<p>${t('footer.contact')} !${contactLink(contact)}</p>
!${links && html`<ul class="links">!${links}</ul>`}
</footer>`
  }

  return (view: View, { title, body, problems = [], step, isDone = false, isWide = false, desk }: Page): string => {
    const { t, language, brand } = view
    const prefix = problems.length > 0 ? `${t('problem.title')}: ` : ''
    return html`<!doctype html>
<html lang="${language}" dir="${direction(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${prefix}${title} · ${brand}</title>
<link rel="icon" href="${paths.favicon}">
<link rel="stylesheet" href="${paths.stylesheet}">
!${desk ? html`<link rel="stylesheet" href="${desk.stylesheet}">` : ''}
<script src="${paths.script}" defer></script>
!${desk ? html`<script src="${desk.script}" defer></script>` : ''}
</head>
<body!${isWide ? ' class="wide"' : ''}>
<header class="bar"><div>
!${brandOf(view)}
!${languageSwitch(view)}
</div></header>
!${desk?.navigation ?? ''}<div class="column">
<main>
!${errorSummary(view, problems)}!${step ? html`<p class="steps">${t('steps', step)}</p>` : ''}!${isDone ? '<div class="done"></div>' : ''}
<h1>${title}</h1>
!${body}
</main>
</div>
!${desk ? '' : footer(view)}
</body>
</html>
`
  }
}

export type Render = ReturnType<typeof createRenderer>

/** A page of text without a form. */
export const textPage = (title: string, ...paragraphs: string[]): Page => ({
  title,
  body: paragraphs.map((text) => html`<p>${text}</p>`).join('\n'),
})

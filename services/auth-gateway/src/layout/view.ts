import type { PageLanguage, TextKey, Translate } from '@rekey/texts'

/** Texts of the pages in one language. */
export type PageTexts = Translate<TextKey<'pages'>>

/** What a template needs of its request. */
export interface View {
  language: PageLanguage
  t: PageTexts
  /** Name of the platform. */
  brand: string
  /** Whom customers call. */
  contact: string
  /** Where the platform's own site goes on, usually its sign-in; undefined if the theme names none. */
  returnUrl: string | undefined
  /** Path and query of the page, for links to itself. */
  address: string
  /** Token of this browser's forms; '' where pages have none. */
  csrf: string
}

/** An error of the customer's input. */
export interface Problem {
  /** Id of the input. */
  field?: string
  text: string
}

/** One page. Templates escape every value, except after `!$`, where it is HTML of our own. */
export interface Page {
  title: string
  /** HTML. */
  body: string
  problems?: Problem[]
  /** Position in a sequence of pages. */
  step?: { at: number; of: number }
  /** For staff: the navigation (HTML), and further files. The footer for customers is left out. */
  desk?: { navigation: string; stylesheet: string; script: string }
  /** True if the page says that all is done: it begins with a check mark. */
  isDone?: boolean
  /** True for tables: the column is then as wide as a desktop allows. */
  isWide?: boolean
}

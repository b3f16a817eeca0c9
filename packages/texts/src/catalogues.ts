import accountDe from '../catalogues/account/de.json' with { type: 'json' }
import accountEn from '../catalogues/account/en.json' with { type: 'json' }
import accountEs from '../catalogues/account/es.json' with { type: 'json' }
import accountRu from '../catalogues/account/ru.json' with { type: 'json' }
import messagesDe from '../catalogues/messages/de.json' with { type: 'json' }
import messagesEn from '../catalogues/messages/en.json' with { type: 'json' }
import messagesEs from '../catalogues/messages/es.json' with { type: 'json' }
import messagesRu from '../catalogues/messages/ru.json' with { type: 'json' }
import pagesDe from '../catalogues/pages/de.json' with { type: 'json' }
import pagesEn from '../catalogues/pages/en.json' with { type: 'json' }
import pagesEs from '../catalogues/pages/es.json' with { type: 'json' }
import pagesRu from '../catalogues/pages/ru.json' with { type: 'json' }
import staffDe from '../catalogues/staff/de.json' with { type: 'json' }
import staffEn from '../catalogues/staff/en.json' with { type: 'json' }
import staffEs from '../catalogues/staff/es.json' with { type: 'json' }
import staffRu from '../catalogues/staff/ru.json' with { type: 'json' }
import type { Language } from './languages.ts'

/** ICU messages by key; the keys of English are those of every language. */
export type Catalogue<Key extends string = string> = Record<Language, Record<Key, string>>

/**
 * All texts that people see, by area. A new area is a folder of `catalogues/` and a line here; a new language is a file
 * in each folder, a column here and a line in languages.ts.
 */
export const catalogues = {
  account: { en: accountEn, de: accountDe, es: accountEs, ru: accountRu },
  messages: { en: messagesEn, de: messagesDe, es: messagesEs, ru: messagesRu },
  pages: { en: pagesEn, de: pagesDe, es: pagesEs, ru: pagesRu },
  staff: { en: staffEn, de: staffDe, es: staffEs, ru: staffRu },
}

export type Area = keyof typeof catalogues
export type TextKey<A extends Area> = keyof (typeof catalogues)[A]['en'] & string

import de from '../words/de.json' with { type: 'json' }
import en from '../words/en.json' with { type: 'json' }
import es from '../words/es.json' with { type: 'json' }
import ru from '../words/ru.json' with { type: 'json' }
import { chooseLanguage, type Language } from './languages.ts'

/**
 * Short, common nouns of each language, of which two differ in two letters at least: they are said over the phone. The lists
 * are no translations of each other. 256 in each: a pair that is guessed is the right one in 1 of 65,280 calls.
 */
export const words: Readonly<Record<Language, readonly string[]>> = { en, de, es, ru }

/** The words of the language in which a customer with this locale gets messages. */
export const wordsFor = (locale: string): readonly string[] => words[chooseLanguage(locale)]

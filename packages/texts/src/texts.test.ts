import t from 'tap'
import { type Area, catalogues } from './catalogues.ts'
import { chooseLanguage, direction, languages, pseudoLanguage } from './languages.ts'
import { argumentsOf, parseMessage } from './message-syntax.ts'
import { createTexts } from './texts.ts'

const longestSentence = 20

for (const [area, catalogue] of Object.entries(catalogues)) {
  for (const language of languages) {
    t.test(`${area}: ${language} has every text, with the values of English`, async (t) => {
      const texts: Record<string, string> = catalogue[language]
      t.strictSame(Object.keys(texts), Object.keys(catalogue.en), 'the same keys in the same order')
      for (const [key, source] of Object.entries(catalogue.en)) {
        const text = texts[key] ?? ''
        t.not(text.trim(), '', `${key} is not empty`)
        t.strictSame(argumentsOf(parseMessage(text)), argumentsOf(parseMessage(source)), `${key} has the same values`)
      }
    })

    t.test(`${area}: no sentence in ${language} is longer than ${longestSentence} words`, async (t) => {
      for (const [key, text] of Object.entries(catalogue[language] as Record<string, string>)) {
        for (const sentence of text.split(/(?<=[.!?:])\s/)) {
          const words = sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word))
          t.ok(words.length <= longestSentence, `${key}: ${words.length} words in "${sentence}"`)
        }
      }
    })
  }
}

t.test('each text is formatted in each language', async (t) => {
  for (const area of Object.keys(catalogues) as Area[]) {
    const texts = createTexts(area)
    for (const language of [...languages, pseudoLanguage] as const) {
      for (const [key, source] of Object.entries(catalogues[area].en)) {
        const values = Object.fromEntries([...argumentsOf(parseMessage(source))].map((name) => [name, 2]))
        const text = texts(language)(key as never, values)
        t.notMatch(text, /[{}]/, `${area} ${language} ${key}`)
      }
    }
  }
})

t.test('the first wish that fits a language decides', async (t) => {
  t.equal(chooseLanguage(undefined, '', 'de-CH'), 'de')
  t.equal(chooseLanguage('fr', 'es-MX,es;q=0.9,en;q=0.8'), 'es')
  t.equal(chooseLanguage('en;q=0.1, ru;q=0.9'), 'ru', 'the greater quality')
  t.equal(chooseLanguage('de;q=0, fr'), 'en', 'an excluded language')
  t.equal(chooseLanguage('*', 'not a language', ';;;', '__proto__'), 'en')
  t.equal(direction(pseudoLanguage), 'rtl')
})

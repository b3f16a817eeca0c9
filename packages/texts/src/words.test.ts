import t from 'tap'
import { languages } from './languages.ts'
import { words, wordsFor } from './words.ts'

/** True if one letter more, less or other makes one of the other. */
const differsByOneLetter = (one: string, other: string): boolean => {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one]
  if (long.length - short.length > 1) return false
  let start = 0
  while (start < short.length && short[start] === long[start]) start += 1
  return long.slice(start + 1) === short.slice(start + (long.length === short.length ? 1 : 0))
}

for (const language of languages) {
  t.test(`${language}: two of the words cannot be guessed in a call, and none is taken for another`, async (t) => {
    const list = words[language].map((word) => word.toLocaleLowerCase(language))
    t.equal(new Set(list).size, 256)
    for (const word of list) t.match(word, /^\p{L}{3,10}$/u)
    const alike = list.flatMap((one, index) =>
      list.slice(index + 1).flatMap((other) => (differsByOneLetter(one, other) ? `${one} ${other}` : [])),
    )
    t.strictSame(alike, [])
  })
}

t.test('the words of a customer are of the language of the messages', async (t) => {
  t.equal(wordsFor('de-CH'), words.de)
  t.equal(wordsFor('fr-FR'), words.en)
})

import fc from 'fast-check'

// Spellings that people produce of one phone number, e-mail address or code.

/** Characters of the classes that people's keyboards, clipboards and phones add. */
const charactersOf = (pattern: RegExp): string[] =>
  Array.from({ length: 0x11_0000 }, (_, codePoint) => codePoint)
    .filter((codePoint) => codePoint < 0xd800 || codePoint > 0xdfff)
    .map((codePoint) => String.fromCodePoint(codePoint))
    .filter((character) => pattern.test(character))

const invisible = charactersOf(/^\p{Cf}$/u)
const spaces = charactersOf(/^\p{Zs}$/u)
const dashes = [...charactersOf(/^\p{Pd}$/u), '\u2212']

/** The ten digits of each numbering system that the runtime knows: another source than the general category. */
export const scripts = Intl.supportedValuesOf('numberingSystem')
  .map((system) => Array.from(new Intl.NumberFormat(`en-u-nu-${system}`, { useGrouping: false }).format(9876543210n)))
  .filter((digits) => digits.length === 10 && digits.every((digit) => /^\p{Nd}$/u.test(digit)))
  .map((digits) => digits.toReversed())

export const one = <T>(values: readonly T[]) => fc.constantFrom(...values)
export const digits = (length: { minLength: number; maxLength: number }) =>
  fc.array(one([...'0123456789']), length).map((list) => list.join(''))

/** A text with each character perhaps followed by some of these. */
export const scattered = (text: string, among: fc.Arbitrary<string>) =>
  fc
    .array(fc.option(among, { nil: '' }), { minLength: text.length + 1, maxLength: text.length + 1 })
    .map((added) => (added[0] ?? '') + Array.from(text, (character, index) => character + added[index + 1]).join(''))

export const inScript = (text: string, script: readonly string[]) =>
  text.replace(/\d/g, (digit) => script[Number(digit)] ?? '')

const noise = one([...invisible, ...spaces, '\t', '\n', '\u{FE0F}', '\u034F'])
export const separator = fc.oneof(noise, one(dashes), one(['.', '/', '·', '．']))

export const phones = fc
  .tuple(one(['44', '1', '381', '49', '852', '39']), one([...'123456789']), digits({ minLength: 6, maxLength: 10 }))
  .map(([country, first, rest]) => ({ country, national: first + rest, value: `+${country}${first}${rest}` }))

/** A spelling of a phone number. */
export const spelledPhone = ({ country, national }: { country: string; national: string }) =>
  fc
    .record({
      scheme: one(['', 'tel:', 'TEL:']),
      prefix: one(['+', '00', '\uFF0B', '(+', '(00', '+(']),
      trunk: one(country === '39' ? [''] : ['', '(0)', ' (0) ', '（0）']),
      script: one(scripts),
      national: scattered(national, separator),
    })
    .chain((part) => {
      const closing = part.prefix.includes('(') ? ')' : ''
      const text = inScript(`${part.prefix}${country}${closing}${part.trunk}${part.national}`, part.script)
      return fc.tuple(scattered('', noise), scattered('', noise)).map(([a, b]) => `${a}${part.scheme}${text}${b}`)
    })

const localCharacters = [...'abcxyz0189._+-', 'é', 'ß', 'ж', '①', 'ﬁ', '٣', '‐', '９']
export const emails = fc
  .tuple(
    fc.array(one(localCharacters), { minLength: 1, maxLength: 12 }),
    fc.array(fc.array(one([...'abcz019', 'é']), { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 3 }),
  )
  .map(([local, labels]) => `${local.join('')}@${labels.map((label) => label.join('')).join('.')}`.normalize('NFC'))

/** A spelling of an e-mail address: what does not identify another mailbox. */
export const spelledEmail = (email: string) =>
  fc
    .record({
      isUpper: fc.boolean(),
      form: one(['NFC', 'NFD'] as const),
      scheme: one(['', 'mailto:', 'MAILTO:']),
      stop: one(['.', '。', '．', '｡']),
      at: one(['@', '＠', '﹫']),
      before: scattered('', one([...invisible, ...spaces])),
      after: scattered('', noise),
    })
    .chain(({ isUpper, form, scheme, stop, at, before, after }) => {
      const cased = (isUpper ? email.replaceAll(/[a-zéж]/g, (letter) => letter.toUpperCase()) : email).normalize(form)
      const [local = '', domain = ''] = cased.split('@')
      const text = `${local}${scheme ? '@' : at}${domain.replaceAll('.', stop)}`
      return scattered(text, one(invisible)).map((all) => `${before}${scheme}${all}${after}`)
    })

/** A spelling of a code. */
export const spelledCode = (code: string) =>
  fc.tuple(one(scripts), scattered(code, separator)).map(([script, text]) => inScript(text, script))

/** Digits, letters and keyboard rows in their order. */
const rows = [
  '01234567890123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiop',
  'asdfghjkl',
  'qwertzuiop',
  'azertyuiop',
  'qsdfghjklm',
]
const sequences = rows.flatMap((row) => [row, Array.from(row).reverse().join('')])

/** One to six characters, repeated. */
const repetition = /^(.{1,6})\1+$/u

const day = '(0[1-9]|[12]\\d|3[01])'
const month = '(0[1-9]|1[0-2])'
const year = '(19|20)\\d\\d'
const dates = [
  [day, month, year],
  [month, day, year],
  [year, month, day],
  [year, year],
].map((parts) => new RegExp(`^${parts.join('[-./ ]?')}$`))

/**
 * True if the whole text, in lower case, is a repetition, a part of a keyboard row or of the alphabet, or a date of the
 * 20th or 21st century. The list of common passwords leaves these out, because a few rules cover them all.
 */
export const isPattern = (text: string): boolean =>
  repetition.test(text) ||
  sequences.some((sequence) => sequence.includes(text)) ||
  dates.some((date) => date.test(text))

/** Keys and letters as they come one after another. */
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

/** Up to six characters again and again. */
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
 * Whether a text in lower case is a repetition, a row of keys or letters, or a date of the last or this century: what a
 * list of common passwords leaves out, because a few rules say it. Judged as a whole, as the list is.
 */
export const isPattern = (text: string): boolean =>
  repetition.test(text) ||
  sequences.some((sequence) => sequence.includes(text)) ||
  dates.some((date) => date.test(text))

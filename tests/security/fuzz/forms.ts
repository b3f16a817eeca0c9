import type { Schema } from './values.ts'

const text = { type: 'string' }
const codeStep = { token: text, username: text, verification: { type: 'string', pattern: '^\\d{4}$' } }

/** Fields of the forms of the pages, which no contract describes. */
export const forms: Record<string, Schema> = {
  'POST /restore/begin': { properties: { username: text } },
  'POST /restore/resend': { properties: codeStep },
  'POST /restore/answer': { properties: { ...codeStep, code: text } },
  'POST /restore/finish': { properties: { token: text, username: text, password: text, repeated: text } },
  'POST /not-me': { properties: { token: text } },
}

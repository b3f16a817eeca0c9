import type { Schema } from './values.ts'

const text = { type: 'string' }
const csrf = text
const turn = { type: 'string', pattern: '^\\d{1,9}$' }
const flow = { type: 'string', pattern: '^[\\w-]{22}$' }

/** Fields of the forms of the pages, which no contract describes. */
export const forms: Record<string, Schema> = {
  'POST /restore': { properties: { csrf, flow, username: text, client_id: text, redirect_uri: text, state: text } },
  'POST /restore/:flow/resend': { properties: { csrf, turn } },
  'POST /restore/:flow/code': { properties: { csrf, turn, code: text } },
  'POST /restore/:flow/password': { properties: { csrf, turn, password: text } },
  'POST /restore/:flow/strength': { properties: { csrf, turn, password: text } },
  'POST /not-me': { properties: { token: text } },
}

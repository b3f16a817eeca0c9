import { type Static, Type } from '@sinclair/typebox'

/** Variables of the inbox. */
export const Env = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
  INBOX_PORT: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 8025,
    description: "Port of the inbox's page and API.",
  }),
  INBOX_SMTP_PORT: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 1025,
    description: "Port of the inbox's SMTP listener.",
  }),
})
export type Config = Static<typeof Env>

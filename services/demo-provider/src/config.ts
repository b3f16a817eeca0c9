import { type Static, Type } from '@sinclair/typebox'

/** Variables of the demo provider. */
export const Env = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
  PROVIDER_PORT: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 8026,
    description: 'Port of the demo identity provider.',
  }),
  PROVIDER_CLIENT_ID: Type.String({ description: 'Client id of the console at the demo identity provider.' }),
  PROVIDER_REDIRECT_URI: Type.String({ description: 'Redirect URI of that client.' }),
  PROVIDER_AUDIENCE: Type.String({ description: 'Audience of the access tokens of the demo identity provider.' }),
})
export type Config = Static<typeof Env>

export { type ClientOptions, createClient, type RekeyClient } from './client.ts'
export { RekeyHttpError } from './http-error.ts'

import { isIP } from 'node:net'
import { Type } from '@sinclair/typebox'
import { ConfigError } from './config.ts'

/** Variables of passkeys, which gateway and password-service share. */
export const relyingPartyEnv = {
  REKEY_RP_ID: Type.Optional(
    Type.String({
      pattern: '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$',
      description:
        'Relying party id of passkeys (WebAuthn): the host of REKEY_PUBLIC_URL or a domain above it; best the ' +
        'registrable domain, since a later change loses every passkey. Not set: that host.',
    }),
  ),
  REKEY_PASSKEY_ORIGINS: Type.Optional(
    Type.String({
      format: 'urls',
      pattern: '^https?://[^\\s/,]+(,https?://[^\\s/,]+)*$',
      description:
        'Origins of further pages that ask customers for passkeys, comma-separated: those of front ends of your own. ' +
        'Related origins of /.well-known/webauthn.',
    }),
  ),
}

interface Settings {
  REKEY_PUBLIC_URL: string
  REKEY_RP_ID?: string
  REKEY_PASSKEY_ORIGINS?: string
}

/** The party that passkeys are made for (WebAuthn L3 §4). */
export interface RelyingParty {
  /** A domain. */
  id: string
  /** Origins of the pages that may ask for a passkey: first that of the gateway. */
  origins: readonly string[]
}

const originsOf = ({ REKEY_PASSKEY_ORIGINS }: Partial<Settings>): string[] =>
  (REKEY_PASSKEY_ORIGINS?.split(',') ?? []).filter((url) => URL.canParse(url)).map((url) => new URL(url).origin)

/** True if browsers take passkeys of the id at the host (WebAuthn L3 §5.1.3, is a registrable domain suffix of or is equal to). */
const fits = (rpId: string, host: string): boolean =>
  rpId === host || (host.endsWith(`.${rpId}`) && rpId.includes('.') && isIP(host) === 0)

const isSecure = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || hostname === 'localhost' || hostname.endsWith('.localhost')

/** Finds settings with which browsers refuse every passkey. Each error has the values that do not fit. */
export const relyingPartyErrors = (config: Partial<Settings>): string[] => {
  const { REKEY_PUBLIC_URL: publicUrl, REKEY_RP_ID: rpId } = config
  const misfit =
    publicUrl !== undefined && rpId !== undefined && URL.canParse(publicUrl) && !fits(rpId, new URL(publicUrl).hostname)
      ? [
          `REKEY_RP_ID is ${rpId}, and the host of REKEY_PUBLIC_URL (${publicUrl}) is neither it nor below it: no browser would take a passkey.`,
        ]
      : []
  const insecure = originsOf(config).filter((origin) => !isSecure(new URL(origin)))
  return [
    ...misfit,
    ...insecure.map((origin) => `REKEY_PASSKEY_ORIGINS has ${origin}: browsers use passkeys on https:// alone.`),
  ]
}

/** Reads the relying party of a configuration. @throws ConfigError with every fault */
export const relyingPartyOf = (config: Settings): RelyingParty => {
  const errors = relyingPartyErrors(config)
  if (errors.length > 0) throw new ConfigError(errors)
  const { origin, hostname } = new URL(config.REKEY_PUBLIC_URL)
  return { id: config.REKEY_RP_ID ?? hostname, origins: [...new Set([origin, ...originsOf(config)])] }
}

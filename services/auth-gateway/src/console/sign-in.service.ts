import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { seal, unseal } from '@rekey/platform/seal'
import type { IdentityProviderClient, ProviderTokens, SignInSecrets } from './identity-provider-client.ts'
import { readReturnPath } from './return-path.ts'

/** Time for the sign-in at the identity provider. */
export const signInSeconds = 600

/** A sign-in that a browser began, sealed in a cookie: strangers who begin many fill no store. */
interface BegunSignIn extends SignInSecrets {
  returnTo: string
  /** ms since the epoch. */
  expiresAt: number
}

/** The authorization response belongs to no sign-in that this browser began within ten minutes. */
export class UnknownSignIn extends Error {}

const context = 'console sign-in'
/** Each sign-in has a cookie of its own, so that two tabs can sign in at once. */
const cookieNameOf = (state: string) => `sign-in-${state.slice(0, 8)}`
const stateForm = /^[A-Za-z0-9_-]{43}$/

interface Deps {
  keys: Keys
  provider: Pick<IdentityProviderClient, 'authorizationUrl' | 'redeem'>
  now: Now
  random: Random
}

/** The sign-in of a member of staff at the identity provider. */
export const createSignIn = ({ keys, provider, now, random }: Deps) => {
  const newSecret = () => random.bytes(32).toString('base64url')
  return {
    /** @returns the provider's URL, and the cookie that ties its answer to this browser @throws RekeyError unavailable */
    async begin(returnTo: string | undefined): Promise<{ url: string; cookie: { name: string; value: string } }> {
      const secrets = { state: newSecret(), nonce: newSecret(), verifier: newSecret() }
      const begun: BegunSignIn = {
        ...secrets,
        returnTo: readReturnPath(returnTo),
        expiresAt: now().getTime() + signInSeconds * 1_000,
      }
      const url = await provider.authorizationUrl(secrets)
      return { url, cookie: { name: cookieNameOf(secrets.state), value: seal(keys, context, begun) } }
    },

    /** The name of the cookie that belongs to an authorization response; undefined for a malformed `state`. */
    cookieOf: (state: string | undefined): string | undefined =>
      state !== undefined && stateForm.test(state) ? cookieNameOf(state) : undefined,

    /**
     * @param query of the authorization response, with its `?`
     * @throws UnknownSignIn, SignInRefused, RekeyError unavailable
     */
    async finish(cookie: string | undefined, query: string): Promise<{ tokens: ProviderTokens; returnTo: string }> {
      const begun = await unseal<BegunSignIn>(keys, context, cookie ?? '').catch(() => undefined)
      if (!begun || begun.expiresAt <= now().getTime()) throw new UnknownSignIn('no such sign-in was begun here')
      return { tokens: await provider.redeem(query, begun), returnTo: begun.returnTo }
    },
  }
}

export type SignIn = ReturnType<typeof createSignIn>

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { exportJWK, generateKeyPair } from 'jose'
import Provider, { type Configuration, type JWK } from 'oidc-provider'

/** Audiences of the provider's tokens: Rekey's for customers and for staff, and another. */
export const resources = {
  rekey: 'https://rekey.example',
  staff: 'https://staff.rekey.example',
  other: 'https://other.example',
}
const scopes = 'CUSTOMER:FULL CUSTOMER:PASSWORD:CHANGE REST:FULL'
const redirectUri = 'https://bank.example/back'
const app = { id: 'bank-app', secret: 'the secret of the bank app' }
const backOffice = { id: 'back-office', secret: 'the secret of the back office' }

const newKey = async (kid: string): Promise<JWK> => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return { ...(await exportJWK(privateKey)), kid, alg: 'ES256', use: 'sig' } as JWK
}

const configure = (keys: JWK[]): Configuration => ({
  jwks: { keys },
  cookies: { keys: ['a key of the test'] },
  clients: [
    { client_id: app.id, client_secret: app.secret, redirect_uris: [redirectUri] },
    {
      client_id: backOffice.id,
      client_secret: backOffice.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  pkce: { required: () => false },
  findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_context, resource) => ({
        scope: scopes,
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 7_200,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  // Skips the consent: the app and the provider belong to the same bank.
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: app.id, accountId: oidc.session?.accountId ?? '' })
    for (const resource of Object.values(resources)) grant.addResourceScope(resource, scopes)
    grant.addOIDCScope('openid')
    await grant.save()
    return grant
  },
})

/** Starts oidc-provider on loopback, as a platform's identity provider that can stop, restart and rotate its keys. */
export const startProvider = async (t: Teardown) => {
  const keys = [await newKey('first')]
  let handle: (request: IncomingMessage, response: ServerResponse) => unknown = () => {}
  const listen = (port: number) => {
    const server = createServer((request, response) => void handle(request, response))
    return new Promise<typeof server>((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)))
  }
  let server = await listen(0)
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`

  const load = () => {
    const provider = new Provider(issuer, configure(keys))
    const callback = provider.callback()
    handle = async (request, response) => {
      const user = /^\/interaction\/.*[?&]as=([^&]*)/.exec(request.url ?? '')?.[1]
      if (user === undefined) return callback(request, response)
      await provider.interactionFinished(request, response, { login: { accountId: user } })
    }
  }
  load()

  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  t.teardown(stop)

  const requestToken = async (client: typeof app, body: Record<string, string>): Promise<string> => {
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`)}`,
      },
      body: new URLSearchParams(body),
    })
    const { access_token: token, error } = (await answer.json()) as { access_token?: string; error?: string }
    if (!token) throw new Error(`the provider issues no token: ${error}`)
    return token
  }

  /** Acts as a browser: follows redirects with cookies, signs in, and returns the code. */
  const authorize = async (user: string, scope: string, resource: string) => {
    const query = {
      client_id: app.id,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: `openid ${scope}`,
      resource,
    }
    const cookies = new Map<string, string>()
    let url = new URL(`${issuer}/auth?${new URLSearchParams(query)}`)
    for (let hop = 0; hop < 10; hop += 1) {
      const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
      const answer = await fetch(url, { redirect: 'manual', headers: { cookie } })
      for (const line of answer.headers.getSetCookie()) {
        const [name = '', value = ''] = line.split(';')[0]?.split('=') ?? []
        cookies.set(name, value)
      }
      const location = answer.headers.get('location')
      if (!location) throw new Error(`the provider answers ${answer.status}: ${await answer.text()}`)
      url = new URL(location, url)
      if (url.href.startsWith(redirectUri)) return url.searchParams.get('code') ?? ''
      if (url.pathname.startsWith('/interaction/')) url.searchParams.set('as', user)
    }
    throw new Error('the provider redirects more than ten times')
  }

  return {
    issuer,
    env: {
      REKEY_IDP_ISSUER: issuer,
      REKEY_IDP_AUDIENCE: resources.rekey,
      REKEY_IDP_STAFF_AUDIENCE: resources.staff,
      REKEY_IDP_JWKS_URL: `${issuer}/jwks`,
    },

    /** An access token of a customer who signs in at the provider. */
    async signIn(user: string, { scope = 'CUSTOMER:FULL', resource = resources.rekey } = {}): Promise<string> {
      const code = await authorize(user, scope, resource)
      return requestToken(app, { grant_type: 'authorization_code', code, redirect_uri: redirectUri, resource })
    },

    /** An access token of the back office. */
    backOfficeToken: (resource = resources.staff) =>
      requestToken(backOffice, { grant_type: 'client_credentials', scope: 'REST:FULL', resource }),

    /** Signs with a new key from now on; the old keys stay published. */
    async rotate(kid: string) {
      keys.unshift(await newKey(kid))
      load()
    },

    stop,
    async restart() {
      server = await listen(port)
    },
  }
}

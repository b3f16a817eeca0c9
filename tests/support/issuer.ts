import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemRandom } from '@rekey/platform/random'
import type { Teardown } from './infrastructure.ts'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A key of a gateway, its JWK Set on loopback at every path, and tokens as the gateway signs them. */
export const startIssuer = async (t: Teardown) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const kid = systemRandom.id()
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'EdDSA', use: 'sig' }]
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys })),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token(claims: object, header: object = {}) {
      const signed = `${encode({ typ: 'at+jwt', alg: 'EdDSA', kid, ...header })}.${encode(claims)}`
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`
    },
    close: () => server.close(),
  }
}

import { randomBytes } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { formatSigningKeys, newSigningKey } from './signing-keys.ts'

// Which service holds which secret. One that two services name is the same in both: what one seals the other opens.
const holders = {
  'auth-gateway.env': [
    'REKEY_MFA_TOKEN_KEY',
    'REKEY_CODE_KEY',
    'REKEY_ACCOUNT_KEY',
    'REKEY_CODE_SEAL_KEY',
    'REKEY_USERNAME_SEAL_KEY',
    'REKEY_REFRESH_KEY',
  ],
  'password-service.env': ['REKEY_USERNAME_SEAL_KEY', 'REKEY_ADDRESS_SEAL_KEY', 'REKEY_REPORT_KEY'],
  'notifier.env': ['REKEY_CODE_SEAL_KEY', 'REKEY_ADDRESS_SEAL_KEY'],
} as const

const signingKeys = 'signing-keys.json'

/** Paths of the files that {@link generateKeys} writes. */
export const keyFiles = (dir: string) => ({
  authGateway: join(dir, 'auth-gateway.env'),
  passwordService: join(dir, 'password-service.env'),
  notifier: join(dir, 'notifier.env'),
  signingKeys: join(dir, signingKeys),
})

/**
 * Writes each service's secrets to a file of its own (dotenv form, read through REKEY_SECRETS_FILE) and the gateway's
 * private signing keys (a JWK Set), all with mode 0600. What a file holds is kept, and repeated where another file needs
 * the same; a file from before a secret was there gets that secret added.
 * @returns the names of the files that were written or added to.
 */
export const generateKeys = async (dir: string): Promise<string[]> => {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const missing = (name: string) => !existsSync(join(dir, name))
  const write = (name: string, content: string) => writeFileSync(join(dir, name), content, { mode: 0o600, flag: 'wx' })

  const kept = (name: string) => (missing(name) ? {} : parseEnv(readFileSync(join(dir, name), 'utf8')))
  const secrets = new Map<string, string>()
  for (const name of Object.keys(holders)) {
    for (const [key, value] of Object.entries(kept(name))) if (value) secrets.set(key, value)
  }
  const secret = (key: string) => {
    const value = secrets.get(key) ?? randomBytes(32).toString('base64url')
    secrets.set(key, value)
    return `${key}=${value}\n`
  }

  const written: string[] = []
  for (const [name, keys] of Object.entries(holders)) {
    const held = kept(name)
    const lines = keys.filter((key) => !held[key]).map(secret)
    if (lines.length === 0) continue
    if (missing(name)) write(name, lines.join(''))
    else appendFileSync(join(dir, name), `\n${lines.join('')}`)
    written.push(name)
  }
  if (missing(signingKeys)) {
    write(signingKeys, formatSigningKeys([await newSigningKey()]))
    written.push(signingKeys)
  }
  return written
}

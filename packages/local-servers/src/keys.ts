import { randomBytes } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { sandboxKeyPrefix, serviceNames } from '@rekey/contracts'
import { nkeys } from 'nats'
import { formatSigningKeys, newSigningKey } from './signing-keys.ts'

// The secrets of each service. A secret of two services has the same value in both: one encrypts, the other decrypts.
const secretsByFile = {
  'auth-gateway.env': [
    'REKEY_MFA_TOKEN_KEY',
    'REKEY_CODE_KEY',
    'REKEY_ACCOUNT_KEY',
    'REKEY_CODE_SEAL_KEY',
    'REKEY_USERNAME_SEAL_KEY',
    'REKEY_REFRESH_KEY',
  ],
  'password-service.env': [
    'REKEY_USERNAME_SEAL_KEY',
    'REKEY_ADDRESS_SEAL_KEY',
    'REKEY_REPORT_KEY',
    'REKEY_FACTOR_SEAL_KEY',
    'REKEY_PASSWORD_PEPPERS',
  ],
  'notifier.env': ['REKEY_CODE_SEAL_KEY', 'REKEY_ADDRESS_SEAL_KEY'],
} as const

/** Names of the files of secrets. */
export const secretFiles: string[] = Object.keys(secretsByFile)

/** The sandbox works without this secret. */
const productionOnly = 'REKEY_PASSWORD_PEPPERS'

const signingKeys = 'signing-keys.json'

/** Users of the broker (deploy/nats/users), each with an NKey seed. */
const brokerUsers = [...serviceNames, 'operator', 'streams', 'platform', 'audit'] as const
export type BrokerUser = (typeof brokerUsers)[number]

/** The broker's file: the public keys of its users. */
const brokerFile = 'nats-server.env'
const publicKeyVariable = (user: BrokerUser) => `NATS_${user.toUpperCase().replace('-', '_')}`

export type KeyProfile = 'sandbox' | 'production'

/** Paths of the files that {@link generateKeys} writes for the services. */
export const keyFiles = (dir: string) => ({
  authGateway: join(dir, 'auth-gateway.env'),
  passwordService: join(dir, 'password-service.env'),
  notifier: join(dir, 'notifier.env'),
  signingKeys: join(dir, signingKeys),
})

/** Path of a broker user's NKey seed. */
export const nkeyFile = (dir: string, user: BrokerUser) => join(dir, `${user}.nk`)

/** Path of the variables that deploy/nats/nats-server.conf reads. */
export const brokerKeysFile = (dir: string) => join(dir, brokerFile)

const newSecret = (name: string, profile: KeyProfile) => {
  const random = randomBytes(32).toString('base64url')
  // Same length as other keys; over 200 random bits are left.
  if (profile === 'sandbox') return sandboxKeyPrefix + random.slice(sandboxKeyPrefix.length)
  return name === productionOnly ? `p1:${random}` : random
}

const createFolder = (dir: string) => {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const written: string[] = []
  const missing = (name: string) => !existsSync(join(dir, name))
  const read = (name: string) => (missing(name) ? '' : readFileSync(join(dir, name), 'utf8'))
  const write = (name: string, text: string) => {
    writeFileSync(join(dir, name), text, { mode: 0o600, flag: 'wx' })
    written.push(name)
  }
  return {
    written,
    missing,
    read,
    write,
    variables: (name: string) => parseEnv(read(name)),
    /** Adds lines to a file, and creates the file if it does not exist. */
    add(name: string, lines: string[]) {
      if (lines.length === 0) return
      if (missing(name)) return write(name, lines.join(''))
      appendFileSync(join(dir, name), `\n${lines.join('')}`)
      written.push(name)
    },
  }
}

type Folder = ReturnType<typeof createFolder>

const writeSecrets = (folder: Folder, profile: KeyProfile) => {
  const secrets = new Map<string, string>()
  for (const name of Object.keys(secretsByFile)) {
    for (const [key, value] of Object.entries(folder.variables(name))) if (value) secrets.set(key, value)
  }
  const secret = (key: string) => {
    const value = secrets.get(key) ?? newSecret(key, profile)
    secrets.set(key, value)
    return `${key}=${value}\n`
  }
  for (const [name, keys] of Object.entries(secretsByFile)) {
    const existing = folder.variables(name)
    const wanted = keys.filter((key) => profile === 'production' || key !== productionOnly)
    folder.add(name, wanted.filter((key) => !existing[key]).map(secret))
  }
}

const writeBrokerUsers = (folder: Folder) => {
  const lines: string[] = []
  const existing = folder.variables(brokerFile)
  for (const user of brokerUsers) {
    const name = `${user}.nk`
    if (folder.missing(name)) folder.write(name, `${Buffer.from(nkeys.createUser().getSeed())}\n`)
    const publicKey = nkeys.fromSeed(Buffer.from(folder.read(name).trim())).getPublicKey()
    if (existing[publicKeyVariable(user)] !== publicKey) lines.push(`${publicKeyVariable(user)}=${publicKey}\n`)
  }
  folder.add(brokerFile, lines)
}

/**
 * Writes a file of secrets for each service (dotenv form, read through REKEY_SECRETS_FILE) and the gateway's private
 * signing keys (a JWK Set); for production also the broker's users. All files have mode 0600. Existing secrets are kept
 * and copied to other files that need them; missing secrets are added. Keys of the sandbox have a prefix.
 * @returns names of the files that were written or extended
 */
export const generateKeys = async (dir: string, profile: KeyProfile = 'production'): Promise<string[]> => {
  const folder = createFolder(dir)
  writeSecrets(folder, profile)
  if (folder.missing(signingKeys)) folder.write(signingKeys, formatSigningKeys([await newSigningKey(profile)]))
  if (profile === 'production') writeBrokerUsers(folder)
  return folder.written
}

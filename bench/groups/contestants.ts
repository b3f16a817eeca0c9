import type { TestCustomer } from '@rekey/test-support/customers'
import { loginBody, restoreBody } from '@rekey/test-support/flows'
import type { Bench } from '../harness/bench.ts'
import type { Contestant } from '../harness/contestant.ts'
import type { Expected, LoadRequest } from '../harness/protocol.ts'
import type { Sizes } from '../harness/rounds.ts'

// Contestants that several groups measure, the requests that they take, and what a right answer is.

/** Accounts that requests are made for, in turn. */
const accounts = 1_000

export const ours = 'ours'
type Starter = Pick<Bench, 'load' | 'contestant'>

export const startOurs = ({ contestant, load }: Starter, customers = accounts): Promise<Contestant> =>
  contestant(ours, { kind: 'ours', options: { smtpUrl: load.smtpUrl, customers } })

/** The services of another checkout. */
export const startOther = ({ contestant, load }: Starter, name: string, root: string): Promise<Contestant> =>
  contestant(name, { kind: 'ours', options: { root, smtpUrl: load.smtpUrl, customers: accounts } })

/** The stores that each floor needs. Its name joins the programs of bench/floors that it consists of. */
const floors = {
  'restore-request': ['REDIS_URL', 'NATS_URL'],
  answer: ['REDIS_URL'],
  token: [],
  totp: ['REDIS_URL', 'DATABASE_URL'],
  history: ['DATABASE_URL'],
  'history forward': ['DATABASE_URL'],
} as const

export const startFloor = ({ contestant }: Starter, floor: keyof typeof floors): Promise<Contestant> =>
  contestant(`floor ${floor}`, { kind: 'floor', options: { programs: floor.split(' '), needs: floors[floor] } })

const json = { 'content-type': 'application/json' }
export const post = (path: string, body: object): LoadRequest => ({
  method: 'POST',
  path,
  headers: json,
  body: JSON.stringify(body),
})

export const customersOf = ({ facts }: Contestant) => facts.customers as TestCustomer[]
export const strangers = Array.from({ length: accounts }, (_, index) => `stranger.${index}@example.com`)

/** A1. */
export const restoreRequests = (usernames: string[]) =>
  usernames.map((username) => post('/oauth/v2/passwordRestore', restoreBody(username)))
export const challenge: Expected = {
  status: 200,
  fields: { mfa_token: 'string', code: 'string', error: 'string', error_description: 'string', state: 'string' },
}

/** A4. */
export const signIns = (customers: TestCustomer[]) =>
  customers.map((customer) => post('/oauth/v2/login', loginBody(customer)))
export const devices: Expected = {
  status: 200,
  fields: { error: 'string', challenge_type: 'array', mfa_token: 'string', state: 'string' },
}

/** A5. */
export const clientCredentials = [
  post('/oauth/v2/token', {
    grant_type: 'client_credentials',
    client_id: 'backend_fin',
    client_secret: 'secretkey',
  }),
]
export const accessToken: Expected = {
  status: 200,
  fields: { access_token: 'string', token_type: 'string', expires_in: 'number', scope: 'string' },
}

/** B8. */
export const histories = ({ facts }: Contestant, customers: TestCustomer[]): LoadRequest[] =>
  customers.map(({ id }) => ({
    method: 'GET',
    path: `/api/v2/clients/${id}/password/changes`,
    headers: { authorization: `Bearer ${facts.staffToken}` },
  }))
export const page: Expected = { status: 200, fields: { total: 'number', data: 'array' } }

/** `share`: of the usual number of requests, for requests that cost more. */
export const sizesFor = ({ quick, rounds }: Pick<Bench, 'quick' | 'rounds'>, share = 1): Sizes => {
  const amount = Math.ceil((quick ? 800 : 5_000) * share)
  return { rounds, warmUp: amount, amount }
}

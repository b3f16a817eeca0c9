import { scopes } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import {
  asBearer,
  backOfficeToken,
  claimsOf,
  codesOf,
  login,
  restore,
  restoreBody,
  signIn,
  signsIn,
  state,
  verificationBody,
  wrongCode,
} from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import type { Teardown } from '@rekey/test-support/infrastructure'
import type { Rekey } from '@rekey/test-support/rekey'
import type { Column, Row } from '../../../scripts/docs/stolen-thing-table.ts'
import type { Owner, Owners } from './owner.ts'
import { createRedisWriter } from './redis-writer.ts'

const hourMs = 3_600_000
/** The longest hold: after a restore over a young address. */
const longestHoldMs = (24 + 72) * hourMs
const chosen = 'a password of the thief'
const changed = 'another password of the thief'

/** Somebody with one stolen thing, who also knows the owner's names, addresses and ids. Each move returns true if it succeeds. */
export const createThief = async (t: Teardown, { rekey, owners, row, owner }: Theft) => {
  const { http } = rekey
  const { stolen } = row
  const reads = stolen === 'mailbox' ? [owner.email] : stolen === 'phone number' ? [owner.phone] : []
  const username = reads[0] ?? owner.addresses[0] ?? ''
  const person = { email: username, phone: owner.phone, password: owner.password }
  const session = stolen === 'open session' ? await signIn(rekey, person) : undefined
  const newAccount = () => owners.withChannels(['email'])
  const writer =
    stolen === 'Redis'
      ? createRedisWriter(rekey, { restored: await newAccount(), signedIn: await newAccount() }, owner, username)
      : undefined
  if (writer) t.teardown(writer.close)
  await owner.begin()
  const isAccepted = (password: string) => signsIn(rekey, { email: username }, password)

  /** The code that a request sends: the right one if the thief reads its message, else a wrong one. */
  const codeAfter = async (send: () => Promise<Answer>) => {
    const seen = new Set((await owner.received(owner.addresses)).map(({ ID }) => ID))
    const { body } = await send()
    const token = (body.mfa_token ?? body.token) as string | undefined
    if (token === undefined) return { token: '', code: '000000' }
    const message = await eventually(
      async () =>
        (await owner.received(owner.addresses)).find((found) => !seen.has(found.ID) && codesOf(found).confirmation),
      { what: `a code for ${owner.addresses}` },
    )
    const { confirmation } = codesOf(message)
    const isRead = message.To.some(({ Address }) => reads.includes(Address))
    return { token, code: isRead ? confirmation : wrongCode(confirmation) }
  }

  const grant = async (): Promise<string | undefined> => {
    if (writer) return writer.grantOfOwner()
    const { token, code } = await codeAfter(() => http.post('/oauth/v2/passwordRestore', restoreBody(username)))
    const { body } = await http.post('/oauth/v2/passwordRestoreVerification', verificationBody(token, code))
    return body.sign_token as string | undefined
  }

  /** As one member of staff, who approves alone what needs two. */
  const act = async (method: string, path: string, body?: object) => {
    const headers = { ...asBearer(await backOfficeToken(rekey)), ...(body && { 'content-type': 'application/json' }) }
    const answer = await http.send(method, `/api/v2/clients/${owner.id}${path}`, headers, body && JSON.stringify(body))
    const { approvalId } = answer.body
    if (approvalId !== undefined) await http.send('POST', `/api/v2/approvals/${approvalId}/approve`, headers)
    return answer
  }

  const setPassword = async (): Promise<void> => {
    if (stolen === 'member of staff') {
      await act('PUT', '/password', { password: chosen, send_mail: false })
      return
    }
    const grants = [await grant(), ...((await writer?.ownGrants()) ?? [])]
    for (const token of grants) await restore(rekey, token ?? 'no grant', chosen)
  }

  /** A4, A4b, A5 with each device that is offered. */
  const accessTokenBy = async (password: string): Promise<string | undefined> => {
    const { body: offered } = await login(rekey, { email: username, password })
    for (const device of offered.challenge_type ?? []) {
      const { body } = await login(rekey, { email: username, password })
      const { token, code } = await codeAfter(() =>
        http.post('/oauth/v2/challenge', {
          challenge_type: device,
          client_timezone: '-3',
          mfa_token: body.mfa_token,
          response_type: 'code',
          state,
        }),
      )
      const answer = await http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token: token, code })
      if (answer.status === 200) return String(answer.body.access_token)
    }
    return undefined
  }
  const accessToken = async () => {
    if (session !== undefined) return session
    await setPassword()
    return (await writer?.accessToken()) ?? (await accessTokenBy(chosen))
  }

  const readsHistory = async (token = 'no token') =>
    (await http.get('/api/v2/my/password/changes', asBearer(token))).status === 200

  const change = async () => {
    const bearer = asBearer((await accessToken()) ?? 'no token')
    const challenge = '/api/v2/my/2fa/challenge'
    const { token, code } = await codeAfter(() => http.get(`${challenge}?businessProcess=changePassword`, bearer))
    const { body } = await http.post(challenge, { token, code })
    const headers = { ...bearer, successToken: body.successToken ?? 'no grant' }
    await http.post('/api/v2/my/password/change', { password: changed, currentPassword: chosen }, headers)
    return isAccepted(changed)
  }

  const moves: Record<Exclude<Column, 'elsewhere'>, () => Promise<boolean>> = {
    restoreCode: async () => (await grant()) !== undefined,
    async newPassword() {
      await setPassword()
      return isAccepted(chosen)
    },
    async signIn() {
      await setPassword()
      const token = (await writer?.accessToken()) ?? (await accessTokenBy(chosen))
      return token !== undefined
    },
    async signInLater() {
      await setPassword()
      rekey.clock.advance(longestHoldMs)
      return (await accessTokenBy(chosen)) !== undefined
    },
    change,
    async history() {
      if (stolen === 'member of staff') return (await act('GET', '/password/changes')).status === 200
      return readsHistory(await accessToken())
    },
    /** The platform pays out to a token with CUSTOMER:FULL while the customer is not held. */
    async withdrawal() {
      const token = await accessToken()
      const mayAsk = token !== undefined && claimsOf(token).scope === scopes.full && (await readsHistory(token))
      return mayAsk && !(await owner.isHeld())
    },
    async endOfHold() {
      await owner.hold()
      if (stolen === 'member of staff') await act('DELETE', '/hold?reason=none')
      else {
        const bearer = asBearer((await accessToken()) ?? 'no token')
        await http.send('DELETE', `/api/v2/clients/${owner.id}/hold?reason=none`, bearer)
      }
      return !(await owner.isHeld())
    },
  }

  return {
    moves,
    /** Does what the owner would notice: sets a password, and asks for a change in an open session. */
    async beNoticed() {
      if (session === undefined) await setPassword()
      else await change()
    },
    /** True if a message was received where the thief does not read. */
    isNoticed: async () => {
      const others = owner.told.filter((address) => !reads.includes(address))
      return (await owner.received(others)).length > 0
    },
  }
}

export interface Theft {
  rekey: Rekey
  owners: Owners
  row: Row
  owner: Owner
}

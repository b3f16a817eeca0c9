import { restore } from '@rekey/test-support/flows'
import { createActor } from './actor.ts'
import type { Scene } from './attacks.ts'
import { sendAs, verificationCode } from './staff.ts'
import type { Thief } from './thief.ts'

interface Way {
  channel: 'email' | 'sms' | 'otp'
}

/** C8, C9 by one way. Without its code the member of staff does not begin. */
const verifyBy = async ({ victim, loot, act }: Thief, { rekey }: Scene, { channel }: Way): Promise<void> => {
  const { reads, apps, hearsCodes } = loot
  const app = hearsCodes ? victim.app : apps[0]
  const address = channel === 'email' ? victim.email : victim.phone
  if (channel === 'otp' ? !app : !hearsCodes && !reads.includes(address)) return
  const { body } = await act('POST', '/verifications', { channel })
  const code = channel === 'otp' ? await app?.next() : await verificationCode(rekey, [address], String(body.words))
  await act('POST', `/verifications/${body.id}`, { code })
}

/**
 * C12: verifies the customer by every way that the thief has a code of, requests the end of the wait, and approves the
 * request: as the other member of staff if the thief has one, otherwise as the one who requested it.
 */
const requestEnd = async (thief: Thief, scene: Scene): Promise<void> => {
  const { act, loot } = thief
  const { body } = await act('GET', '/verifications')
  for (const way of body.channels as Way[]) await verifyBy(thief, scene, way)
  const requested = await act('POST', '/waiting-restore/end-wait', { reason: 'asked' })
  const approver = loot.hasSecondStaff ? 'backend_two' : 'backend_fin'
  await sendAs(scene.rekey, approver, 'POST', `approvals/${requested.body.approvalId}/approve`, {})
}

/** C10. */
const isWaiting = async ({ act }: Thief): Promise<boolean> => {
  const { body } = await act('GET', '/waiting-restore')
  return (body.data as { state: string }[])[0]?.state === 'waiting'
}

/**
 * Ends the wait of a restore early, and sets a password. The thief opens it, by an address that they read; where they read
 * none, the customer does.
 * @throws Error if one member of staff alone ended the wait (S58)
 */
export const endWaitAndRestore = async (thief: Thief, scene: Scene, password: string): Promise<boolean> => {
  const { rekey } = scene
  const { victim, loot } = thief
  const { addresses, email } = victim
  const own = { addresses, reads: [email], apps: [], passkeys: [] }
  const opener = loot.reads.length > 0 ? thief.actor : createActor(rekey, victim, own)
  for (const address of loot.reads.length > 0 ? loot.reads : [email]) {
    if (!(await opener.openWaiting(address, password))) continue
    await requestEnd(thief, scene)
    if (!loot.hasSecondStaff && !(await isWaiting(thief))) throw new Error('one member of staff ended a wait')
    const grant = loot.reads.includes(address) ? await thief.actor.restoreGrant(address) : undefined
    return grant !== undefined && (await restore(rekey, grant, password)).status === 204
  }
  return false
}

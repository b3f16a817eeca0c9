import { NotifyRestoreBlocked } from '@rekey/contracts'
import { type MessageDeps, sendOn } from '../message.ts'
import { restoreBlockedMessage } from './restore-blocked.message.ts'

/** Notifies a confirmed address of the lockout of restore. Each address of a customer has an event of its own. */
export const sendRestoreBlocked = (deps: MessageDeps) =>
  sendOn(deps, NotifyRestoreBlocked, async ({ blockedFrom, blockedUntil, ...data }, eventId) => {
    const { sealedFields, present } = deps
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const from = new Date(blockedFrom)
    const until = blockedUntil === undefined ? undefined : new Date(blockedUntil)
    return { recipient, message: restoreBlockedMessage(present(recipient), { from, until }) }
  })

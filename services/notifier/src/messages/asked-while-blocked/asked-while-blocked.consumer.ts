import { NotifyAskedWhileBlocked } from '@rekey/contracts'
import { type MessageDeps, sendOn } from '../message.ts'
import { askedWhileBlockedMessage } from './asked-while-blocked.message.ts'

/** Notifies a confirmed address that somebody asked for a code of a blocked customer. Each address has an event of its own. */
export const sendAskedWhileBlocked = (deps: MessageDeps) =>
  sendOn(deps, NotifyAskedWhileBlocked, async ({ askedAt, ...data }, eventId) => {
    const { sealedFields, present } = deps
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    return { recipient, message: askedWhileBlockedMessage(present(recipient), { askedAt: new Date(askedAt) }) }
  })

import { NotifyPasswordChanged } from '@rekey/contracts'
import { type MessageDeps, sendOn } from '../message.ts'
import { passwordChangedMessage } from './password-changed.message.ts'

/** Notifies a confirmed address of a new password. Each address of a customer has an event of its own. */
export const sendPasswordChanged = (deps: MessageDeps) =>
  sendOn(deps, NotifyPasswordChanged, async ({ operation, ip, ...data }, eventId) => {
    const { sealedFields, present } = deps
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const reportLink = await sealedFields.reportLink(eventId, data.reportLink)
    const about = { operation, ip, changedAt: new Date(data.changedAt), unverified: data.unverified === true }
    return { recipient, message: passwordChangedMessage(present(recipient), { ...about, reportLink }) }
  })

import { NotifyProtectionChanged } from '@rekey/contracts'
import { type MessageDeps, sendOn } from '../message.ts'
import { protectionChangedMessage } from './protection-changed.en.ts'

/** Notifies a confirmed address of a block, a lifted block, an ended hold, or the end of all sessions. Each address has an event of its own. */
export const sendProtectionChanged = (deps: MessageDeps) =>
  sendOn(deps, NotifyProtectionChanged, async ({ operation, ...data }, eventId) => {
    const { sealedFields, brand } = deps
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const reportLink =
      data.reportLink === undefined ? undefined : await sealedFields.reportLink(eventId, data.reportLink)
    const changedAt = new Date(data.changedAt)
    return { recipient, message: protectionChangedMessage({ operation, changedAt, reportLink, recipient, brand }) }
  })

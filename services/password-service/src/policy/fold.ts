/** A text in which case, and how a character is composed, make no difference. */
export const fold = (text: string): string => text.normalize('NFC').toLowerCase()

/** Lower case in NFC: two texts that differ only in case or composition become equal. */
export const fold = (text: string): string => text.normalize('NFC').toLowerCase()

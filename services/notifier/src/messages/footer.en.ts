/** The last line of every mail. */
export const footer = 'This message was sent automatically. Answers to it are not read.'

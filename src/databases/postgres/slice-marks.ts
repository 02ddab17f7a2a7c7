/** The lines by which a saved slice is known. This one comes first; the rest is the text of a plain dump. */
export const sliceMark = '-- tenant-dr slice 1';
/** Second, followed by the structure of its tables as JSON. */
export const schemaMark = '-- tenant-dr schema ';
/** Last, followed by the number of rows: a slice without it was cut off. */
export const endMark = '-- tenant-dr end ';

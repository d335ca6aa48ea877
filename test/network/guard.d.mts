/** `host:port` of every connection that was refused, in order. */
export declare const attempts: string[];

package reassembly

// SeqNum is a TCP sequence number: a position modulo 2³² (RFC 9293 §3.4).
// Nothing else does arithmetic on sequence numbers.
type SeqNum uint32

// Sub gives the distance from u to s, right as long as the two are less than
// 2³¹ apart.
func (s SeqNum) Sub(u SeqNum) int32 { return int32(s - u) }

// Add gives the number n bytes behind s.
func (s SeqNum) Add(n int) SeqNum { return s + SeqNum(uint32(n)) }

// Less says whether s comes before u.
func (s SeqNum) Less(u SeqNum) bool { return s.Sub(u) < 0 }

package filter

// signs are what is written without letters, and what each means.
var signs = map[string]string{
	"+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "&": "&", "|": "|", "^": "^", "<<": "<<", ">>": ">>",
	"(": "(", ")": ")", "[": "[", "]": "]", ":": ":", "!": "not", "&&": "and", "||": "or",
	"=": "=", "==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
}

// words are the words of the language, and what each means: several spellings
// may mean the same. A backslash makes a name of one.
var words = map[string]string{
	"and": "and", "or": "or", "not": "not",
	"src": "src", "dst": "dst",
	"host": "host", "net": "net", "mask": "mask", "port": "port", "portrange": "portrange", "proto": "proto",
	"protochain": "protochain", "gateway": "gateway",
	"less": "less", "greater": "greater", "len": "len", "length": "len", "byte": "byte",
	"broadcast": "broadcast", "multicast": "multicast",
	"inbound": "inbound", "outbound": "outbound", "ifindex": "ifindex",
	"vlan": "vlan", "mpls": "mpls", "pppoed": "pppoed", "pppoes": "pppoes", "geneve": "geneve",

	"ether": "ether", "link": "ether", "ppp": "ether", "slip": "ether", "fddi": "ether", "tr": "ether", "wlan": "ether",
	"ip": "ip", "ip6": "ip6", "arp": "arp", "rarp": "rarp", "tcp": "tcp", "udp": "udp", "sctp": "sctp",
	"icmp": "icmp", "icmp6": "icmp6", "igmp": "igmp", "igrp": "igrp", "pim": "pim", "vrrp": "vrrp", "carp": "carp",
	"ah": "ah", "esp": "esp", "atalk": "atalk", "aarp": "aarp", "decnet": "decnet", "lat": "lat", "sca": "sca",
	"moprc": "moprc", "mopdl": "mopdl", "iso": "iso", "stp": "stp", "ipx": "ipx", "netbeui": "netbeui",

	"addr1": "802.11", "address1": "802.11", "addr2": "802.11", "address2": "802.11", "addr3": "802.11",
	"address3": "802.11", "addr4": "802.11", "address4": "802.11", "ra": "802.11", "ta": "802.11", "type": "802.11",
	"subtype": "802.11", "direction": "802.11", "dir": "802.11", "radio": "802.11",
	"esis": "IS-IS", "es-is": "IS-IS", "isis": "IS-IS", "is-is": "IS-IS", "clnp": "IS-IS", "l1": "IS-IS", "l2": "IS-IS",
	"iih": "IS-IS", "lsp": "IS-IS", "snp": "IS-IS", "csnp": "IS-IS", "psnp": "IS-IS",
	"ifname": "pf", "on": "pf", "rset": "pf", "ruleset": "pf", "rnr": "pf", "rulenum": "pf", "srnr": "pf",
	"subrulenum": "pf", "reason": "pf", "action": "pf",
	"lane": "ATM", "llc": "ATM", "metac": "ATM", "bcc": "ATM", "oam": "ATM", "oamf4": "ATM", "sc": "ATM", "vpi": "ATM",
	"vci": "ATM", "connectmsg": "ATM", "metaconnect": "ATM",
}

// refused are the words that this compiler knows and does not do, and why.
var refused = map[string]string{
	"802.11":     "is about IEEE 802.11, which cannot be filtered here",
	"IS-IS":      "is about OSI routing, which cannot be filtered here",
	"pf":         "is about the packet filter of BSD, which cannot be filtered here",
	"ATM":        "is about ATM and LLC, which cannot be filtered here",
	"gateway":    "needs tables of hosts and devices; ether host ADDRESS and not host ADDRESS says the same",
	"protochain": "needs a loop, which no kernel runs; proto N finds N behind an IPv4 header, and behind one or none of IPv6",
	"byte":       "is an old form; ether[N] compares byte N",
}

// constants are the words that are numbers: where a field is, or its value.
var constants = map[string]uint32{
	"tcpflags": 13, "tcp-fin": 0x01, "tcp-syn": 0x02, "tcp-rst": 0x04, "tcp-push": 0x08, "tcp-ack": 0x10,
	"tcp-urg": 0x20, "tcp-ece": 0x40, "tcp-cwr": 0x80,

	"icmptype": 0, "icmpcode": 1, "icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5,
	"icmp-echo": 8, "icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12,
	"icmp-tstamp": 13, "icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17,
	"icmp-maskreply": 18,

	"icmp6type": 0, "icmp6code": 1, "icmp6-destinationunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3,
	"icmp6-parameterproblem": 4, "icmp6-echo": 128, "icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130,
	"icmp6-multicastlistenerreportv1": 131, "icmp6-multicastlistenerdone": 132, "icmp6-routersolicit": 133,
	"icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137,
	"icmp6-routerrenum": 138, "icmp6-nodeinformationquery": 139, "icmp6-nodeinformationresponse": 140,
	"icmp6-ineighbordiscoverysolicit": 141, "icmp6-ineighbordiscoveryadvert": 142,
	"icmp6-multicastlistenerreportv2": 143, "icmp6-homeagentdiscoveryrequest": 144, "icmp6-homeagentdiscoveryreply": 145,
	"icmp6-mobileprefixsolicit": 146, "icmp6-mobileprefixadvert": 147, "icmp6-certpathsolicit": 148,
	"icmp6-certpathadvert": 149, "icmp6-multicastrouteradvert": 151, "icmp6-multicastroutersolicit": 152,
	"icmp6-multicastrouterterm": 153,
}

// Protocols of IP that ports belong to, and some more.
const (
	protoTCP      = 6
	protoUDP      = 17
	protoFragment = 44
	protoICMPv6   = 58
	protoSCTP     = 132
)

// ipProtocols are the names behind proto, beside ip, ip6 or nothing.
var ipProtocols = map[string]uint32{
	"icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "tcp": protoTCP, "egp": 8, "igp": 9, "udp": protoUDP,
	"ipv6": 41, "ipv6-route": 43, "ipv6-frag": protoFragment, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "skip": 57,
	"ipv6-icmp": protoICMPv6, "icmp6": protoICMPv6, "ipv6-nonxt": 59, "ipv6-opts": 60, "eigrp": 88, "ospf": 89,
	"ipip": 94, "etherip": 97, "encap": 98, "pim": 103, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": protoSCTP,
	"udplite": 136, "mpls-in-ip": 137,
}

// A service is what a name of a port stands for.
type service struct {
	port  uint16
	proto uint32 // 0 for all that have ports
}

// services are the names of ports. The table is one of the program and not of
// the machine, so that a filter means the same everywhere; what is written
// with one protocol in most lists has that one here.
var services = map[string]service{
	"ftp-data": {20, protoTCP}, "ftp": {21, protoTCP}, "ssh": {22, protoTCP}, "telnet": {23, protoTCP},
	"smtp": {25, protoTCP}, "domain": {53, 0}, "bootps": {67, protoUDP}, "bootpc": {68, protoUDP}, "tftp": {69, protoUDP},
	"http": {80, protoTCP}, "www": {80, protoTCP}, "kerberos": {88, 0}, "pop3": {110, protoTCP}, "sunrpc": {111, 0},
	"ntp": {123, protoUDP}, "imap": {143, protoTCP}, "imap2": {143, protoTCP}, "snmp": {161, 0}, "bgp": {179, protoTCP},
	"ldap": {389, 0}, "https": {443, 0}, "submission": {587, protoTCP}, "syslog": {514, protoUDP}, "ldaps": {636, 0},
	"imaps": {993, protoTCP}, "pop3s": {995, protoTCP}, "socks": {1080, protoTCP}, "mqtt": {1883, protoTCP},
	"mysql": {3306, protoTCP}, "sip": {5060, 0}, "sip-tls": {5061, 0}, "xmpp-client": {5222, protoTCP},
	"postgresql": {5432, protoTCP}, "amqps": {5671, protoTCP}, "amqp": {5672, 0}, "redis": {6379, protoTCP},
	"http-alt": {8080, 0}, "secure-mqtt": {8883, protoTCP},
}

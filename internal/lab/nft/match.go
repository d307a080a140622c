//go:build linux

package nft

import (
	"encoding/binary"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// All matches load one value into register 1 and compare it: what nft(8) compiles such expressions to.

func compare(op expr.CmpOp, data []byte) expr.Any { return &expr.Cmp{Op: op, Register: 1, Data: data} }

func meta(key expr.MetaKey, op expr.CmpOp, data []byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, compare(op, data)}
}

func tcp() []expr.Any { return meta(expr.MetaKeyL4PROTO, expr.CmpOpEq, []byte{unix.IPPROTO_TCP}) }

// marked matches packets of a socket with SO_MARK n.
func marked(op expr.CmpOp, n uint32) []expr.Any {
	return meta(expr.MetaKeyMARK, op, binary.NativeEndian.AppendUint32(nil, n))
}

// name is an interface's name as the kernel compares it: 16 bytes.
func name(s string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, s)
	return b
}

func from(link string, op expr.CmpOp) []expr.Any { return meta(expr.MetaKeyIIFNAME, op, name(link)) }

func to(link string, op expr.CmpOp) []expr.Any { return meta(expr.MetaKeyOIFNAME, op, name(link)) }

// Offsets of IPv4 (RFC 791) and TCP (RFC 9293).
const (
	offSource, offDestination = 12, 16
	offPort                   = 2 // of the destination
)

func address(offset uint32, op expr.CmpOp, p netip.Prefix) []expr.Any {
	mask := make([]byte, 4)
	binary.BigEndian.PutUint32(mask, ^uint32(0)<<(32-p.Bits()))
	network := p.Masked().Addr().As4()
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		compare(op, network[:]),
	}
}

// within matches destinations from first to last.
func within(first, last netip.Addr) []expr.Any {
	low, high := first.As4(), last.As4()
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offDestination, Len: 4},
		compare(expr.CmpOpGte, low[:]), compare(expr.CmpOpLte, high[:]),
	}
}

func port(n uint16) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offPort, Len: 2},
		compare(expr.CmpOpEq, binary.BigEndian.AppendUint16(nil, n)),
	}
}

func verdict(kind expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: kind}} }

func redirect(n uint16) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: 1, Data: binary.BigEndian.AppendUint16(nil, n)},
		&expr.Redir{RegisterProtoMin: 1},
	}
}

func reject() []expr.Any {
	return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: 13}} // administratively prohibited
}

// rules appends to one chain.
type rules struct {
	conn  *nftables.Conn
	chain *nftables.Chain
}

func (r rules) add(parts ...[]expr.Any) {
	rule := &nftables.Rule{Table: r.chain.Table, Chain: r.chain}
	for _, part := range parts {
		rule.Exprs = append(rule.Exprs, part...)
	}
	r.conn.AddRule(rule)
}

// Package pki makes the keys and certificates of one run of the lab. Nothing of it outlives the lab.
package pki

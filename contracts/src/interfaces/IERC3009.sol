// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The part of EIP-3009 that Trove uses, with the signature as bytes as in USDC 2.2
interface IERC3009 {
    /// @notice Transfers by the payer's signature; the caller must be the payee.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
}

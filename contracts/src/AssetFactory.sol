// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Ledger} from "./Ledger.sol";
import {Registry} from "./Registry.sol";
import {ShareToken} from "./ShareToken.sol";

/// @title Creates an asset's contracts in one transaction
/// @notice Minimal clones (ERC-1167) of immutable implementations: no proxy has an admin. An asset is known by the
/// address of its share token. Salts are bound to the founder, so nobody can take an address from somebody else.
contract AssetFactory is EIP712 {
    struct AssetParams {
        string name;
        string symbol;
        bytes32 salt;
        address paymentToken;
        bytes32 recipient;
        bytes32 policyHash;
        uint256 epochCap;
        address[] verifiers;
        bytes32[] verifierRecipients;
        uint32 threshold;
    }

    bytes32 private constant CREATE_TYPEHASH = keccak256(
        "CreateAsset(address founder,string name,string symbol,bytes32 salt,address paymentToken,bytes32 recipient,bytes32 policyHash,uint256 epochCap,address[] verifiers,bytes32[] verifierRecipients,uint32 threshold,uint256 deadline)"
    );

    address public immutable tokenImplementation;
    address public immutable registryImplementation;
    address public immutable ledgerImplementation;

    /// @notice All a fresh node needs to index the asset.
    event AssetCreated(address indexed asset, address indexed founder, address registry, address ledger, AssetParams params);

    error DeadlinePassed(uint256 deadline);
    error WrongSignature(address founder);
    error NoPaymentToken(address paymentToken);

    constructor(address tokenImplementation_, address registryImplementation_, address ledgerImplementation_) EIP712("Trove Factory", "1") {
        tokenImplementation = tokenImplementation_;
        registryImplementation = registryImplementation_;
        ledgerImplementation = ledgerImplementation_;
    }

    /// @notice Creates an asset of the caller's.
    function create(AssetParams calldata p) external returns (address token, address registry, address ledger) {
        return _create(p, msg.sender);
    }

    /// @notice Creates an asset for a founder who signed for exactly this; the caller pays the gas.
    function createFor(AssetParams calldata p, address founder, uint256 deadline, bytes calldata signature)
        external
        returns (address token, address registry, address ledger)
    {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline);
        if (!SignatureChecker.isValidSignatureNow(founder, _hashTypedDataV4(_hash(p, founder, deadline)), signature)) revert WrongSignature(founder);
        return _create(p, founder);
    }

    /// @notice Where a founder's asset with this salt is or will be.
    function predict(address founder, bytes32 salt) external view returns (address token, address registry, address ledger) {
        token = Clones.predictDeterministicAddress(tokenImplementation, _salt(founder, salt, "token"));
        registry = Clones.predictDeterministicAddress(registryImplementation, _salt(founder, salt, "registry"));
        ledger = Clones.predictDeterministicAddress(ledgerImplementation, _salt(founder, salt, "ledger"));
    }

    function _create(AssetParams calldata p, address founder) private returns (address token, address registry, address ledger) {
        if (p.paymentToken.code.length == 0) revert NoPaymentToken(p.paymentToken);
        token = Clones.cloneDeterministic(tokenImplementation, _salt(founder, p.salt, "token"));
        registry = Clones.cloneDeterministic(registryImplementation, _salt(founder, p.salt, "registry"));
        ledger = Clones.cloneDeterministic(ledgerImplementation, _salt(founder, p.salt, "ledger"));
        ShareToken(token).initialize(p.name, p.symbol, ledger, IERC20(p.paymentToken));
        Registry(registry).initialize(founder, p.recipient, p.policyHash, p.verifiers, p.verifierRecipients, p.threshold);
        Ledger(ledger).initialize(ShareToken(token), Registry(registry), p.epochCap);
        emit AssetCreated(token, founder, registry, ledger, p);
    }

    function _salt(address founder, bytes32 salt, bytes32 kind) private pure returns (bytes32) {
        return keccak256(abi.encode(founder, salt, kind));
    }

    function _hash(AssetParams calldata p, address founder, uint256 deadline) private pure returns (bytes32) {
        // In two pieces: one abi.encode of all fields is too deep for the stack.
        return keccak256(
            bytes.concat(
                abi.encode(CREATE_TYPEHASH, founder, keccak256(bytes(p.name)), keccak256(bytes(p.symbol)), p.salt, p.paymentToken, p.recipient),
                abi.encode(
                    p.policyHash,
                    p.epochCap,
                    keccak256(abi.encodePacked(p.verifiers)),
                    keccak256(abi.encodePacked(p.verifierRecipients)),
                    p.threshold,
                    deadline
                )
            )
        );
    }
}
